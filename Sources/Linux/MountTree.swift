internal import CLinux

/// A mount tree by descriptor: detached until `attach`, and gone with the descriptor when it was
/// never attached (open_tree(2), fsmount(2)).
public struct MountTree: ~Copyable, Sendable {
  public let descriptor: FileDescriptor

  public init(owning descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// A copy of what is mounted at `path`, as a bind mount is.
  ///
  /// `flags` are those of openat: AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH.
  public static func clone(
    _ path: String, at directory: DirectoryReference = .workingDirectory, recursive: Bool,
    flags: CInt = 0
  ) throws(SystemError) -> MountTree {
    let all =
      UInt(OPEN_TREE_CLONE) | UInt(CL_OPEN_TREE_CLOEXEC) | (recursive ? CL_AT_RECURSIVE : 0)
      | UInt(UInt32(bitPattern: flags))
    return MountTree(
      owning: FileDescriptor(
        owning: try system("open_tree", path) {
          unsafe cl_open_tree(directory.rawValue, path, UInt32(all))
        }))
  }

  /// Changes the flags and the propagation of the mount, or of the whole tree.
  ///
  /// `set` and `clear` are MOUNT_ATTR_ values, `propagation` MS_SHARED and its kin or 0,
  /// `userNamespace` the descriptor for MOUNT_ATTR_IDMAP.
  public func setAttributes(
    set: UInt, clear: UInt = 0, propagation: UInt = 0, userNamespace: CInt = 0,
    recursive: Bool = false, _ subject: String
  ) throws(SystemError) {
    try MountTree.setAttributes(
      descriptor.rawValue, set: set, clear: clear, propagation: propagation,
      userNamespace: userNamespace, recursive: recursive, subject)
  }

  /// As the method, for the mount that a descriptor stands on.
  public static func setAttributes(
    _ descriptor: CInt, set: UInt, clear: UInt = 0, propagation: UInt = 0,
    userNamespace: CInt = 0, recursive: Bool = false, _ subject: String
  ) throws(SystemError) {
    try system("mount_setattr", subject) {
      unsafe cl_mount_setattr(
        descriptor, "", UInt32(AT_EMPTY_PATH) | (recursive ? UInt32(CL_AT_RECURSIVE) : 0),
        UInt64(set), UInt64(clear), UInt64(propagation), UInt64(userNamespace))
    }
  }

  /// Mounts the tree on what `target` refers to; no path is walked.
  public func attach(to target: CInt, _ subject: String) throws(SystemError) {
    try system("move_mount", subject) {
      unsafe cl_move_mount(
        descriptor.rawValue, "", target, "",
        UInt32(CL_MOVE_MOUNT_F_EMPTY_PATH | CL_MOVE_MOUNT_T_EMPTY_PATH))
    }
  }
}

/// A file system that is being configured (fsopen(2)).
public struct FilesystemContext: ~Copyable {
  private let descriptor: FileDescriptor
  private let type: String

  /// ENODEV when the kernel does not know the type.
  public init(_ type: String) throws(SystemError) {
    descriptor = FileDescriptor(
      owning: try system("fsopen", type) { unsafe cl_fsopen(type, UInt32(CL_FSOPEN_CLOEXEC)) })
    self.type = type
  }

  /// `key=value`.
  public func set(_ key: String, _ value: String) throws(SystemError) {
    try system("fsconfig", "\(key)=\(value)") {
      unsafe value.withCString {
        unsafe cl_fsconfig(descriptor.rawValue, UInt32(CL_FSCONFIG_SET_STRING), key, $0, 0)
      }
    }
  }

  /// An option without a value.
  public func set(flag: String) throws(SystemError) {
    try system("fsconfig", flag) {
      unsafe cl_fsconfig(descriptor.rawValue, UInt32(CL_FSCONFIG_SET_FLAG), flag, nil, 0)
    }
  }

  /// Makes the file system and a detached mount of it; `attributes` are MOUNT_ATTR_ values.
  public func mount(attributes: UInt) throws(SystemError) -> MountTree {
    try system("fsconfig", "create \(type)") {
      cl_fsconfig(descriptor.rawValue, UInt32(CL_FSCONFIG_CMD_CREATE), nil, nil, 0)
    }
    return MountTree(
      owning: FileDescriptor(
        owning: try system("fsmount", type) {
          cl_fsmount(descriptor.rawValue, UInt32(CL_FSMOUNT_CLOEXEC), UInt32(attributes))
        }))
  }

  /// What the kernel says of the failure, without the letter and blank before it.
  public var complaint: String? {
    var bytes = [UInt8](repeating: 0, count: 1024)
    let count = unsafe cl_read(descriptor.rawValue, &bytes, bytes.count)
    guard count > 2 else { return nil }
    let text = String(decoding: bytes[2..<count], as: UTF8.self)
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }
}
