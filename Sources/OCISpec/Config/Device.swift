extension Spec.Linux {
  /// A device node in the container (config-linux.md, "Devices").
  public struct Device: Sendable, Equatable {
    /// The absolute path of the node inside the container.
    public var path: String
    /// The type of the node.
    public var type: Kind
    /// The major number of the device.
    public var major: Int64
    /// The minor number of the device.
    public var minor: Int64
    /// The permission bits; when absent, 0666.
    public var fileMode: UInt32?
    /// The owner, as an id of the container; when absent, 0.
    public var uid: UInt32?
    /// The group, as an id of the container; when absent, 0.
    public var gid: UInt32?

    public init(
      path: String, type: Kind, major: Int64 = 0, minor: Int64 = 0, fileMode: UInt32? = nil,
      uid: UInt32? = nil, gid: UInt32? = nil
    ) {
      self.path = path
      self.type = type
      self.major = major
      self.minor = minor
      self.fileMode = fileMode
      self.uid = uid
      self.gid = gid
    }
  }
}

extension Spec.Linux.Device {
  /// A type of device node (mknod(1)).
  public enum Kind: String, Sendable, CaseIterable {
    case character = "c"
    case block = "b"
    case unbufferedCharacter = "u"
    case fifo = "p"
  }
}

extension Spec.Linux {
  /// A network device of the host that moves into the container.
  public struct NetDevice: Sendable, Equatable {
    /// The name inside the container; when absent, the name on the host.
    public var name: String?

    public init(name: String? = nil) {
      self.name = name
    }
  }
}
