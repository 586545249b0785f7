public import JSON

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
    /// The permission bits; when absent, 0666. Some engines set bits beyond 07777 for the type, which
    /// count for nothing.
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

extension Spec.Linux.Device: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var path: String?
    var type: Kind?
    var major: Int64 = 0
    var minor: Int64 = 0
    var fileMode: UInt32?
    var uid: UInt32?
    var gid: UInt32?
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "path": try json.read(&path)
      case "type": try json.read(&type)
      case "major": try json.read(&major)
      case "minor": try json.read(&minor)
      case "fileMode": try json.read(&fileMode)
      case "uid": try json.read(&uid)
      case "gid": try json.read(&gid)
      default: try json.skip()
      }
    }
    self.init(
      path: try json.require(path, "path", in: object),
      type: try json.require(type, "type", in: object),
      major: major,
      minor: minor,
      fileMode: fileMode,
      uid: uid,
      gid: gid)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("path", path)
    json.member("type", type)
    json.member("major", major, omitting: 0)
    json.member("minor", minor, omitting: 0)
    json.member("fileMode", fileMode)
    json.member("uid", uid)
    json.member("gid", gid)
    json.endObject()
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

extension Spec.Linux.Device.Kind: JSONEnumeration {}

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

extension Spec.Linux.NetDevice: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "name": try json.nonEmpty(&name)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("name", name)
    json.endObject()
  }
}
