public import JSON

extension Spec {
  /// What is particular to Linux containers (config-linux.md).
  public struct Linux: Sendable, Equatable {
    /// The namespaces that are created or joined; those not listed are shared with the runtime.
    public var namespaces: [Namespace]
    /// The user ids of the user namespace.
    public var uidMappings: [Spec.IDMapping]
    /// The group ids of the user namespace.
    public var gidMappings: [Spec.IDMapping]
    /// The offsets of the clocks in the time namespace.
    public var timeOffsets: [Clock: TimeOffset]
    /// The device nodes that are made besides the default ones.
    public var devices: [Device]
    /// The network devices that move into the container, by their name on the host (1.3).
    public var netDevices: [String: NetDevice]
    /// The path of the container's cgroup, in the form of the cgroup manager.
    public var cgroupsPath: String?
    /// The limits that the container's cgroup sets.
    public var resources: Resources?
    /// The propagation of the root mount.
    public var rootfsPropagation: Propagation?
    /// The system call filter.
    public var seccomp: Seccomp?
    /// The kernel parameters that are set in the container's namespaces.
    public var sysctl: [String: String]
    /// The paths inside the container that cannot be read.
    public var maskedPaths: [String]
    /// The paths inside the container that are read-only.
    public var readonlyPaths: [String]
    /// The SELinux label of the mounts.
    public var mountLabel: String?
    /// The cache and memory bandwidth limits of Intel RDT.
    public var intelRdt: IntelRdt?
    /// The execution domain of the process.
    public var personality: Personality?
    /// The NUMA memory policy of the process (1.3).
    public var memoryPolicy: MemoryPolicy?

    public init(
      namespaces: [Namespace] = [], uidMappings: [Spec.IDMapping] = [],
      gidMappings: [Spec.IDMapping] = [], timeOffsets: [Clock: TimeOffset] = [:],
      devices: [Device] = [], netDevices: [String: NetDevice] = [:], cgroupsPath: String? = nil,
      resources: Resources? = nil, rootfsPropagation: Propagation? = nil, seccomp: Seccomp? = nil,
      sysctl: [String: String] = [:], maskedPaths: [String] = [], readonlyPaths: [String] = [],
      mountLabel: String? = nil, intelRdt: IntelRdt? = nil, personality: Personality? = nil,
      memoryPolicy: MemoryPolicy? = nil
    ) {
      self.namespaces = namespaces
      self.uidMappings = uidMappings
      self.gidMappings = gidMappings
      self.timeOffsets = timeOffsets
      self.devices = devices
      self.netDevices = netDevices
      self.cgroupsPath = cgroupsPath
      self.resources = resources
      self.rootfsPropagation = rootfsPropagation
      self.seccomp = seccomp
      self.sysctl = sysctl
      self.maskedPaths = maskedPaths
      self.readonlyPaths = readonlyPaths
      self.mountLabel = mountLabel
      self.intelRdt = intelRdt
      self.personality = personality
      self.memoryPolicy = memoryPolicy
    }
  }
}

extension Spec.Linux: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "namespaces": try json.read(&namespaces)
      case "uidMappings": try json.read(&uidMappings)
      case "gidMappings": try json.read(&gidMappings)
      case "timeOffsets": try json.read(&timeOffsets)
      case "devices": try json.read(&devices)
      case "netDevices": try json.read(&netDevices)
      case "cgroupsPath": try json.nonEmpty(&cgroupsPath)
      case "resources": try json.read(&resources)
      case "rootfsPropagation": try json.nonEmpty(&rootfsPropagation)
      case "seccomp": try json.read(&seccomp)
      case "sysctl": try json.read(&sysctl)
      case "maskedPaths": try json.read(&maskedPaths)
      case "readonlyPaths": try json.read(&readonlyPaths)
      case "mountLabel": try json.nonEmpty(&mountLabel)
      case "intelRdt": try json.read(&intelRdt)
      case "personality": try json.read(&personality)
      case "memoryPolicy": try json.read(&memoryPolicy)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("namespaces", namespaces, omitting: [])
    json.member("uidMappings", uidMappings, omitting: [])
    json.member("gidMappings", gidMappings, omitting: [])
    json.member("timeOffsets", timeOffsets, omitting: [:])
    json.member("devices", devices, omitting: [])
    json.member("netDevices", netDevices, omitting: [:])
    json.member("cgroupsPath", cgroupsPath)
    json.member("resources", resources)
    json.member("rootfsPropagation", rootfsPropagation)
    json.member("seccomp", seccomp)
    json.member("sysctl", sysctl, omitting: [:])
    json.member("maskedPaths", maskedPaths, omitting: [])
    json.member("readonlyPaths", readonlyPaths, omitting: [])
    json.member("mountLabel", mountLabel)
    json.member("intelRdt", intelRdt)
    json.member("personality", personality)
    json.member("memoryPolicy", memoryPolicy)
    json.endObject()
  }
}

extension Spec.Linux {
  /// A namespace that is created, or joined by its path.
  public struct Namespace: Sendable, Equatable {
    /// The type of the namespace.
    public var type: Kind
    /// The file of the namespace to join; when absent, a new one is created.
    public var path: String?

    public init(type: Kind, path: String? = nil) {
      self.type = type
      self.path = path
    }
  }
}

extension Spec.Linux.Namespace: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var type: Kind?
    var path: String?
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "type": try json.read(&type)
      case "path": try json.nonEmpty(&path)
      default: try json.skip()
      }
    }
    self.init(
      type: try json.require(type, "type", in: object),
      path: path)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("type", type)
    json.member("path", path)
    json.endObject()
  }
}

extension Spec.Linux.Namespace {
  /// A type of namespace (namespaces(7)).
  public enum Kind: String, Sendable, CaseIterable {
    case pid, network, mount, ipc, uts, user, cgroup, time
  }
}

extension Spec.Linux.Namespace.Kind: JSONEnumeration {}

extension Spec.Linux {
  /// A clock that a time namespace offsets (time_namespaces(7)).
  public enum Clock: String, Sendable, CaseIterable {
    case monotonic, boottime
  }
}

extension Spec.Linux.Clock: JSONEnumeration {}

extension Spec.Linux {
  /// The offset of a clock in a time namespace.
  public struct TimeOffset: Sendable, Equatable {
    /// The offset, in seconds.
    public var secs: Int64
    /// What is added to the seconds, in nanoseconds.
    public var nanosecs: UInt32

    public init(secs: Int64 = 0, nanosecs: UInt32 = 0) {
      self.secs = secs
      self.nanosecs = nanosecs
    }
  }
}

extension Spec.Linux.TimeOffset: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "secs": try json.read(&secs)
      case "nanosecs": try json.read(&nanosecs)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("secs", secs, omitting: 0)
    json.member("nanosecs", nanosecs, omitting: 0)
    json.endObject()
  }
}

extension Spec.Linux {
  /// How mounts and unmounts propagate (mount_namespaces(7)).
  public enum Propagation: String, Sendable, CaseIterable {
    case shared, rshared, slave, rslave, `private`, rprivate, unbindable, runbindable
  }
}

extension Spec.Linux.Propagation: JSONEnumeration {}

extension Spec.Linux.Clock: JSONMapKey {
  public init?(jsonKey: String) { self.init(rawValue: jsonKey) }
  public var jsonKey: String { rawValue }
}
