internal import CLinux

/// The flags of a mount, as against those of its file system (mount_setattr(2)).
public struct MountAttributes: OptionSet, Sendable, Hashable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  private init(_ value: UInt) { rawValue = UInt64(value) }

  public static let readOnly = MountAttributes(CL_MOUNT_ATTR_RDONLY)
  public static let noSUID = MountAttributes(CL_MOUNT_ATTR_NOSUID)
  public static let noDevices = MountAttributes(CL_MOUNT_ATTR_NODEV)
  public static let noExec = MountAttributes(CL_MOUNT_ATTR_NOEXEC)
  public static let noDirectoryTime = MountAttributes(CL_MOUNT_ATTR_NODIRATIME)
  public static let noSymlinks = MountAttributes(CL_MOUNT_ATTR_NOSYMFOLLOW)
  public static let idMapped = MountAttributes(CL_MOUNT_ATTR_IDMAP)
  /// The access time is a field of three values; relatime is its zero.
  public static let accessTimeMask = MountAttributes(CL_MOUNT_ATTR__ATIME)
  public static let relativeAccessTime: MountAttributes = []
  public static let noAccessTime = MountAttributes(CL_MOUNT_ATTR_NOATIME)
  public static let strictAccessTime = MountAttributes(CL_MOUNT_ATTR_STRICTATIME)
}

/// How mounts and unmounts below a mount propagate (mount_namespaces(7)).
public enum MountPropagation: Sendable, Hashable {
  case shared, slave, `private`, unbindable

  var flag: UInt64 {
    switch self {
    case .shared: UInt64(CL_MS_SHARED)
    case .slave: UInt64(CL_MS_SLAVE)
    case .private: UInt64(CL_MS_PRIVATE)
    case .unbindable: UInt64(CL_MS_UNBINDABLE)
    }
  }
}
