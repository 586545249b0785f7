public import JSON

extension Features.Linux {
  /// The forms of control groups that are supported.
  public struct Cgroup: Sendable, Equatable {
    /// The hierarchies of version 1.
    public var v1: Bool?
    /// The unified hierarchy.
    public var v2: Bool?
    /// The system manager of systemd.
    public var systemd: Bool?
    /// The user manager of systemd.
    public var systemdUser: Bool?
    /// The rdma controller.
    public var rdma: Bool?

    public init(
      v1: Bool? = nil, v2: Bool? = nil, systemd: Bool? = nil, systemdUser: Bool? = nil,
      rdma: Bool? = nil
    ) {
      self.v1 = v1
      self.v2 = v2
      self.systemd = systemd
      self.systemdUser = systemdUser
      self.rdma = rdma
    }
  }
}

extension Features.Linux.Cgroup: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "v1": try json.read(&v1)
      case "v2": try json.read(&v2)
      case "systemd": try json.read(&systemd)
      case "systemdUser": try json.read(&systemdUser)
      case "rdma": try json.read(&rdma)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("v1", v1)
    json.member("v2", v2)
    json.member("systemd", systemd)
    json.member("systemdUser", systemdUser)
    json.member("rdma", rdma)
    json.endObject()
  }
}

extension Features.Linux {
  /// The system call filters that are supported.
  public struct Seccomp: Sendable, Equatable {
    /// True when filters are supported.
    public var enabled: Bool?
    /// The actions.
    public var actions: [String]?
    /// The comparisons of arguments.
    public var operators: [String]?
    /// The architectures.
    public var archs: [String]?
    /// The flags that are accepted.
    public var knownFlags: [String]?
    /// The flags that this host's kernel and library can do.
    public var supportedFlags: [String]?

    public init(
      enabled: Bool? = nil, actions: [String]? = nil, operators: [String]? = nil,
      archs: [String]? = nil, knownFlags: [String]? = nil, supportedFlags: [String]? = nil
    ) {
      self.enabled = enabled
      self.actions = actions
      self.operators = operators
      self.archs = archs
      self.knownFlags = knownFlags
      self.supportedFlags = supportedFlags
    }
  }
}

extension Features.Linux.Seccomp: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "enabled": try json.read(&enabled)
      case "actions": try json.read(&actions)
      case "operators": try json.read(&operators)
      case "archs": try json.read(&archs)
      case "knownFlags": try json.read(&knownFlags)
      case "supportedFlags": try json.read(&supportedFlags)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("enabled", enabled)
    json.member("actions", actions)
    json.member("operators", operators)
    json.member("archs", archs)
    json.member("knownFlags", knownFlags)
    json.member("supportedFlags", supportedFlags)
    json.endObject()
  }
}

extension Features.Linux {
  /// The limits of Intel RDT that are supported.
  public struct IntelRdt: Sendable, Equatable {
    /// True when the section is supported.
    public var enabled: Bool?
    /// True when `schemata` is supported (1.3).
    public var schemata: Bool?
    /// True when `enableMonitoring` is supported (1.3).
    public var monitoring: Bool?

    public init(enabled: Bool? = nil, schemata: Bool? = nil, monitoring: Bool? = nil) {
      self.enabled = enabled
      self.schemata = schemata
      self.monitoring = monitoring
    }
  }
}

extension Features.Linux.IntelRdt: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "enabled": try json.read(&enabled)
      case "schemata": try json.read(&schemata)
      case "monitoring": try json.read(&monitoring)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("enabled", enabled)
    json.member("schemata", schemata)
    json.member("monitoring", monitoring)
    json.endObject()
  }
}

extension Features.Linux {
  /// The NUMA memory policies that are supported.
  public struct MemoryPolicy: Sendable, Equatable {
    /// The policies.
    public var modes: [String]?
    /// The flags.
    public var flags: [String]?

    public init(modes: [String]? = nil, flags: [String]? = nil) {
      self.modes = modes
      self.flags = flags
    }
  }
}

extension Features.Linux.MemoryPolicy: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "modes": try json.read(&modes)
      case "flags": try json.read(&flags)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("modes", modes)
    json.member("flags", flags)
    json.endObject()
  }
}

extension Features.Linux {
  /// The mounts beyond mount(2) that are supported.
  public struct MountExtensions: Sendable, Equatable {
    /// Id-mapped mounts.
    public var idmap: Features.Availability?

    public init(idmap: Features.Availability? = nil) {
      self.idmap = idmap
    }
  }
}

extension Features.Linux.MountExtensions: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "idmap": try json.read(&idmap)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("idmap", idmap)
    json.endObject()
  }
}
