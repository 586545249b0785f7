extension Spec {
  /// A mount on top of the root filesystem (config.md, "Mounts").
  public struct Mount: Sendable, Equatable {
    /// The path of the mount point inside the container.
    public var destination: String
    /// The type of the filesystem, such as `tmpfs`; absent or `none` for a bind mount.
    public var type: String?
    /// The device, the name, or the path on the host, absolute or relative to the bundle.
    public var source: String?
    /// The options as in fstab(5).
    public var options: [String]
    /// The user ids of an id-mapped mount.
    public var uidMappings: [IDMapping]
    /// The group ids of an id-mapped mount.
    public var gidMappings: [IDMapping]

    public init(
      destination: String, type: String? = nil, source: String? = nil, options: [String] = [],
      uidMappings: [IDMapping] = [], gidMappings: [IDMapping] = []
    ) {
      self.destination = destination
      self.type = type
      self.source = source
      self.options = options
      self.uidMappings = uidMappings
      self.gidMappings = gidMappings
    }
  }
}

extension Spec {
  /// A range of ids of a user namespace and the range of the host that it is mapped to.
  public struct IDMapping: Sendable, Equatable {
    /// The first id in the container.
    public var containerID: UInt32
    /// The first id on the host.
    public var hostID: UInt32
    /// The number of ids.
    public var size: UInt32

    public init(containerID: UInt32, hostID: UInt32, size: UInt32) {
      self.containerID = containerID
      self.hostID = hostID
      self.size = size
    }
  }
}
