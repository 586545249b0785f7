public import JSON

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

extension Spec.Mount: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init(destination: "")
    var destination: String?
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "destination": try json.read(&destination)
      case "type": try json.nonEmpty(&type)
      case "source": try json.nonEmpty(&source)
      case "options": try json.read(&options)
      case "uidMappings": try json.read(&uidMappings)
      case "gidMappings": try json.read(&gidMappings)
      default: try json.skip()
      }
    }
    self.destination = try json.require(destination, "destination", in: object)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("destination", destination)
    json.member("type", type)
    json.member("source", source)
    json.member("options", options, omitting: [])
    json.member("uidMappings", uidMappings, omitting: [])
    json.member("gidMappings", gidMappings, omitting: [])
    json.endObject()
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

extension Spec.IDMapping: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var containerID: UInt32?
    var hostID: UInt32?
    var size: UInt32?
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "containerID": try json.read(&containerID)
      case "hostID": try json.read(&hostID)
      case "size": try json.read(&size)
      default: try json.skip()
      }
    }
    self.init(
      containerID: try json.require(containerID, "containerID", in: object),
      hostID: try json.require(hostID, "hostID", in: object),
      size: try json.require(size, "size", in: object))
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("containerID", containerID)
    json.member("hostID", hostID)
    json.member("size", size)
    json.endObject()
  }
}
