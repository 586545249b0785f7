public import JSON

extension Spec.Linux {
  /// The limits that a cgroup sets (config-linux.md, "Control groups").
  public struct Resources: Sendable, Equatable {
    /// The rules of the device controller, of which the last that matches decides.
    public var devices: [DeviceRule]
    /// The memory controller.
    public var memory: Memory?
    /// The cpu and cpuset controllers.
    public var cpu: CPU?
    /// The pids controller.
    public var pids: Pids?
    /// The blkio or io controller.
    public var blockIO: BlockIO?
    /// The hugetlb controller.
    public var hugepageLimits: [HugepageLimit]
    /// The net_cls and net_prio controllers.
    public var network: Network?
    /// The rdma controller, by device.
    public var rdma: [String: Rdma]
    /// The files of cgroup v2 and what is written to them.
    public var unified: [String: String]

    public init(
      devices: [DeviceRule] = [], memory: Memory? = nil, cpu: CPU? = nil, pids: Pids? = nil,
      blockIO: BlockIO? = nil, hugepageLimits: [HugepageLimit] = [], network: Network? = nil,
      rdma: [String: Rdma] = [:], unified: [String: String] = [:]
    ) {
      self.devices = devices
      self.memory = memory
      self.cpu = cpu
      self.pids = pids
      self.blockIO = blockIO
      self.hugepageLimits = hugepageLimits
      self.network = network
      self.rdma = rdma
      self.unified = unified
    }
  }
}

extension Spec.Linux.Resources: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "devices": try json.read(&devices)
      case "memory": try json.read(&memory)
      case "cpu": try json.read(&cpu)
      case "pids": try json.read(&pids)
      case "blockIO": try json.read(&blockIO)
      case "hugepageLimits": try json.read(&hugepageLimits)
      case "network": try json.read(&network)
      case "rdma": try json.read(&rdma)
      case "unified": try json.read(&unified)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("devices", devices, omitting: [])
    json.member("memory", memory)
    json.member("cpu", cpu)
    json.member("pids", pids)
    json.member("blockIO", blockIO)
    json.member("hugepageLimits", hugepageLimits, omitting: [])
    json.member("network", network)
    json.member("rdma", rdma, omitting: [:])
    json.member("unified", unified, omitting: [:])
    json.endObject()
  }
}

extension Spec.Linux.Resources {
  /// A rule of the device controller.
  public struct DeviceRule: Sendable, Equatable {
    /// True when the rule allows, false when it denies.
    public var allow: Bool
    /// The type of device; when absent, all.
    public var type: Kind?
    /// The major number; when absent, every one.
    public var major: Int64?
    /// The minor number; when absent, every one.
    public var minor: Int64?
    /// The kinds of access, of the letters `r`, `w` and `m` (mknod).
    public var access: String?

    public init(
      allow: Bool, type: Kind? = nil, major: Int64? = nil, minor: Int64? = nil,
      access: String? = nil
    ) {
      self.allow = allow
      self.type = type
      self.major = major
      self.minor = minor
      self.access = access
    }
  }
}

extension Spec.Linux.Resources.DeviceRule: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var allow: Bool?
    var type: Kind?
    var major: Int64?
    var minor: Int64?
    var access: String?
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "allow": try json.read(&allow)
      case "type": try json.nonEmpty(&type)
      case "major": try json.read(&major)
      case "minor": try json.read(&minor)
      case "access": try json.nonEmpty(&access)
      default: try json.skip()
      }
    }
    self.init(
      allow: try json.require(allow, "allow", in: object),
      type: type,
      major: major,
      minor: minor,
      access: access)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("allow", allow)
    json.member("type", type)
    json.member("major", major)
    json.member("minor", minor)
    json.member("access", access)
    json.endObject()
  }
}

extension Spec.Linux.Resources.DeviceRule {
  /// A type of device in a rule.
  public enum Kind: String, Sendable, CaseIterable {
    case all = "a"
    case character = "c"
    case block = "b"
  }
}

extension Spec.Linux.Resources.DeviceRule.Kind: JSONEnumeration {}

extension Spec.Linux.Resources {
  /// The pids controller.
  public struct Pids: Sendable, Equatable {
    /// The greatest number of tasks; -1 is no limit.
    public var limit: Int64?

    public init(limit: Int64? = nil) {
      self.limit = limit
    }
  }
}

extension Spec.Linux.Resources.Pids: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "limit": try json.read(&limit)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("limit", limit)
    json.endObject()
  }
}

extension Spec.Linux.Resources {
  /// A limit of huge pages of one size.
  public struct HugepageLimit: Sendable, Equatable {
    /// The size of the page, such as `2MB`.
    public var pageSize: String
    /// The limit, in bytes.
    public var limit: UInt64

    public init(pageSize: String, limit: UInt64) {
      self.pageSize = pageSize
      self.limit = limit
    }
  }
}

extension Spec.Linux.Resources.HugepageLimit: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var pageSize: String?
    var limit: UInt64?
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "pageSize": try json.read(&pageSize)
      case "limit": try json.read(&limit)
      default: try json.skip()
      }
    }
    self.init(
      pageSize: try json.require(pageSize, "pageSize", in: object),
      limit: try json.require(limit, "limit", in: object))
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("pageSize", pageSize)
    json.member("limit", limit)
    json.endObject()
  }
}

extension Spec.Linux.Resources {
  /// The net_cls and net_prio controllers.
  public struct Network: Sendable, Equatable {
    /// The class identifier of the container's packets.
    public var classID: UInt32?
    /// The priorities of the container's traffic, by interface.
    public var priorities: [Priority]

    public init(classID: UInt32? = nil, priorities: [Priority] = []) {
      self.classID = classID
      self.priorities = priorities
    }
  }
}

extension Spec.Linux.Resources.Network: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "classID": try json.read(&classID)
      case "priorities": try json.read(&priorities)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("classID", classID)
    json.member("priorities", priorities, omitting: [])
    json.endObject()
  }
}

extension Spec.Linux.Resources.Network {
  /// The priority of traffic on one interface.
  public struct Priority: Sendable, Equatable {
    /// The name of the interface.
    public var name: String
    /// The priority.
    public var priority: UInt32

    public init(name: String, priority: UInt32) {
      self.name = name
      self.priority = priority
    }
  }
}

extension Spec.Linux.Resources.Network.Priority: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var name: String?
    var priority: UInt32?
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "name": try json.read(&name)
      case "priority": try json.read(&priority)
      default: try json.skip()
      }
    }
    self.init(
      name: try json.require(name, "name", in: object),
      priority: try json.require(priority, "priority", in: object))
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("name", name)
    json.member("priority", priority)
    json.endObject()
  }
}

extension Spec.Linux.Resources {
  /// The limits of one RDMA device.
  public struct Rdma: Sendable, Equatable {
    /// The greatest number of handles that are open.
    public var hcaHandles: UInt32?
    /// The greatest number of objects.
    public var hcaObjects: UInt32?

    public init(hcaHandles: UInt32? = nil, hcaObjects: UInt32? = nil) {
      self.hcaHandles = hcaHandles
      self.hcaObjects = hcaObjects
    }
  }
}

extension Spec.Linux.Resources.Rdma: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "hcaHandles": try json.read(&hcaHandles)
      case "hcaObjects": try json.read(&hcaObjects)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("hcaHandles", hcaHandles)
    json.member("hcaObjects", hcaObjects)
    json.endObject()
  }
}
