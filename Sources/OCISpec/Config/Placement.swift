public import JSON

extension Spec.Linux {
  /// The execution domain of the process (personality(2)).
  public struct Personality: Sendable, Equatable {
    /// The execution domain.
    public var domain: Domain
    /// Further flags, of which the specification defines none.
    public var flags: [String]

    public init(domain: Domain, flags: [String] = []) {
      self.domain = domain
      self.flags = flags
    }
  }
}

extension Spec.Linux.Personality: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var domain: Domain?
    var flags: [String] = []
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "domain": try json.read(&domain)
      case "flags": try json.read(&flags)
      default: try json.skip()
      }
    }
    self.init(
      domain: try json.require(domain, "domain", in: object),
      flags: flags)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("domain", domain)
    json.member("flags", flags, omitting: [])
    json.endObject()
  }
}

extension Spec.Linux.Personality {
  /// An execution domain of personality(2).
  public enum Domain: String, Sendable, CaseIterable {
    case linux = "LINUX"
    case linux32 = "LINUX32"
  }
}

extension Spec.Linux.Personality.Domain: JSONEnumeration {}

extension Spec.Linux {
  /// The cache and memory bandwidth limits of Intel RDT (config-linux.md, "IntelRdt").
  public struct IntelRdt: Sendable, Equatable {
    /// The name of the class of service.
    public var closID: String?
    /// The lines for the `schemata` file, after the two schemas below (1.3).
    public var schemata: [String]
    /// The schema of the L3 cache.
    public var l3CacheSchema: String?
    /// The schema of the memory bandwidth.
    public var memBwSchema: String?
    /// True when the cache occupancy is monitored.
    public var enableCMT: Bool
    /// True when the memory bandwidth is monitored.
    public var enableMBM: Bool
    /// True when the container gets a monitoring group of its own (1.3).
    public var enableMonitoring: Bool

    public init(
      closID: String? = nil, schemata: [String] = [], l3CacheSchema: String? = nil,
      memBwSchema: String? = nil, enableCMT: Bool = false, enableMBM: Bool = false,
      enableMonitoring: Bool = false
    ) {
      self.closID = closID
      self.schemata = schemata
      self.l3CacheSchema = l3CacheSchema
      self.memBwSchema = memBwSchema
      self.enableCMT = enableCMT
      self.enableMBM = enableMBM
      self.enableMonitoring = enableMonitoring
    }
  }
}

extension Spec.Linux.IntelRdt: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "closID": try json.nonEmpty(&closID)
      case "schemata": try json.read(&schemata)
      case "l3CacheSchema": try json.nonEmpty(&l3CacheSchema)
      case "memBwSchema": try json.nonEmpty(&memBwSchema)
      case "enableCMT": try json.read(&enableCMT)
      case "enableMBM": try json.read(&enableMBM)
      case "enableMonitoring": try json.read(&enableMonitoring)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("closID", closID)
    json.member("schemata", schemata, omitting: [])
    json.member("l3CacheSchema", l3CacheSchema)
    json.member("memBwSchema", memBwSchema)
    json.member("enableCMT", enableCMT, omitting: false)
    json.member("enableMBM", enableMBM, omitting: false)
    json.member("enableMonitoring", enableMonitoring, omitting: false)
    json.endObject()
  }
}

extension Spec.Linux {
  /// The NUMA memory policy of the process (set_mempolicy(2)).
  public struct MemoryPolicy: Sendable, Equatable {
    /// The policy.
    public var mode: Mode
    /// The nodes, a list such as `0-1,3`.
    public var nodes: String?
    /// The flags of the policy.
    public var flags: [Flag]

    public init(mode: Mode, nodes: String? = nil, flags: [Flag] = []) {
      self.mode = mode
      self.nodes = nodes
      self.flags = flags
    }
  }
}

extension Spec.Linux.MemoryPolicy: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var mode: Mode?
    var nodes: String?
    var flags: [Flag] = []
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "mode": try json.read(&mode)
      case "nodes": try json.nonEmpty(&nodes)
      case "flags": try json.read(&flags)
      default: try json.skip()
      }
    }
    self.init(
      mode: try json.require(mode, "mode", in: object),
      nodes: nodes,
      flags: flags)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("mode", mode)
    json.member("nodes", nodes)
    json.member("flags", flags, omitting: [])
    json.endObject()
  }
}

extension Spec.Linux.MemoryPolicy {
  /// A policy of set_mempolicy(2).
  public enum Mode: String, Sendable, CaseIterable {
    case `default` = "MPOL_DEFAULT"
    case preferred = "MPOL_PREFERRED"
    case bind = "MPOL_BIND"
    case interleave = "MPOL_INTERLEAVE"
    case local = "MPOL_LOCAL"
    case preferredMany = "MPOL_PREFERRED_MANY"
    case weightedInterleave = "MPOL_WEIGHTED_INTERLEAVE"
  }
}

extension Spec.Linux.MemoryPolicy.Mode: JSONEnumeration {}

extension Spec.Linux.MemoryPolicy {
  /// A flag of set_mempolicy(2).
  public enum Flag: String, Sendable, CaseIterable {
    case numaBalancing = "MPOL_F_NUMA_BALANCING"
    case relativeNodes = "MPOL_F_RELATIVE_NODES"
    case staticNodes = "MPOL_F_STATIC_NODES"
  }
}

extension Spec.Linux.MemoryPolicy.Flag: JSONEnumeration {}
