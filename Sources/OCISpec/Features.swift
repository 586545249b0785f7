public import JSON

/// What the runtime supports, independent of the host (features.md).
public struct Features: Sendable, Equatable {
  /// The lowest version of the specification that is accepted.
  public var ociVersionMin: String
  /// The highest version of the specification that is accepted.
  public var ociVersionMax: String
  /// The hooks that are run.
  public var hooks: [String]?
  /// The mount options that are not passed to the filesystem.
  public var mountOptions: [String]?
  /// What is particular to Linux.
  public var linux: Linux?
  /// Metadata of the runtime, such as its version.
  public var annotations: [String: String]
  /// The annotations of a configuration that change what the runtime does; a final `.` makes a
  /// prefix.
  public var potentiallyUnsafeConfigAnnotations: [String]?

  public init(
    ociVersionMin: String, ociVersionMax: String, hooks: [String]? = nil,
    mountOptions: [String]? = nil, linux: Linux? = nil, annotations: [String: String] = [:],
    potentiallyUnsafeConfigAnnotations: [String]? = nil
  ) {
    self.ociVersionMin = ociVersionMin
    self.ociVersionMax = ociVersionMax
    self.hooks = hooks
    self.mountOptions = mountOptions
    self.linux = linux
    self.annotations = annotations
    self.potentiallyUnsafeConfigAnnotations = potentiallyUnsafeConfigAnnotations
  }
}

extension Features: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init(ociVersionMin: "", ociVersionMax: "")
    var ociVersionMin: String?
    var ociVersionMax: String?
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "ociVersionMin": try json.read(&ociVersionMin)
      case "ociVersionMax": try json.read(&ociVersionMax)
      case "hooks": try json.read(&hooks)
      case "mountOptions": try json.read(&mountOptions)
      case "linux": try json.read(&linux)
      case "annotations": try json.annotations(&annotations)
      case "potentiallyUnsafeConfigAnnotations": try json.read(&potentiallyUnsafeConfigAnnotations)
      default: try json.skip()
      }
    }
    self.ociVersionMin = try json.require(ociVersionMin, "ociVersionMin", in: object)
    self.ociVersionMax = try json.require(ociVersionMax, "ociVersionMax", in: object)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("ociVersionMin", ociVersionMin)
    json.member("ociVersionMax", ociVersionMax)
    json.member("hooks", hooks)
    json.member("mountOptions", mountOptions)
    json.member("linux", linux)
    json.member("annotations", annotations, omitting: [:])
    json.member("potentiallyUnsafeConfigAnnotations", potentiallyUnsafeConfigAnnotations)
    json.endObject()
  }
}

extension Features {
  /// What the runtime supports of Linux (features-linux.md).
  public struct Linux: Sendable, Equatable {
    /// The types of namespaces.
    public var namespaces: [String]?
    /// The capabilities.
    public var capabilities: [String]?
    /// The forms of control groups.
    public var cgroup: Cgroup?
    /// System call filters.
    public var seccomp: Seccomp?
    /// AppArmor.
    public var apparmor: Availability?
    /// SELinux.
    public var selinux: Availability?
    /// Intel RDT.
    public var intelRdt: IntelRdt?
    /// NUMA memory policies (1.3).
    public var memoryPolicy: MemoryPolicy?
    /// Mounts beyond mount(2).
    public var mountExtensions: MountExtensions?
    /// Network devices that move into the container (1.3).
    public var netDevices: Availability?

    public init(
      namespaces: [String]? = nil, capabilities: [String]? = nil, cgroup: Cgroup? = nil,
      seccomp: Seccomp? = nil, apparmor: Availability? = nil, selinux: Availability? = nil,
      intelRdt: IntelRdt? = nil, memoryPolicy: MemoryPolicy? = nil,
      mountExtensions: MountExtensions? = nil, netDevices: Availability? = nil
    ) {
      self.namespaces = namespaces
      self.capabilities = capabilities
      self.cgroup = cgroup
      self.seccomp = seccomp
      self.apparmor = apparmor
      self.selinux = selinux
      self.intelRdt = intelRdt
      self.memoryPolicy = memoryPolicy
      self.mountExtensions = mountExtensions
      self.netDevices = netDevices
    }
  }
}

extension Features.Linux: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "namespaces": try json.read(&namespaces)
      case "capabilities": try json.read(&capabilities)
      case "cgroup": try json.read(&cgroup)
      case "seccomp": try json.read(&seccomp)
      case "apparmor": try json.read(&apparmor)
      case "selinux": try json.read(&selinux)
      case "intelRdt": try json.read(&intelRdt)
      case "memoryPolicy": try json.read(&memoryPolicy)
      case "mountExtensions": try json.read(&mountExtensions)
      case "netDevices": try json.read(&netDevices)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("namespaces", namespaces)
    json.member("capabilities", capabilities)
    json.member("cgroup", cgroup)
    json.member("seccomp", seccomp)
    json.member("apparmor", apparmor)
    json.member("selinux", selinux)
    json.member("intelRdt", intelRdt)
    json.member("memoryPolicy", memoryPolicy)
    json.member("mountExtensions", mountExtensions)
    json.member("netDevices", netDevices)
    json.endObject()
  }
}

extension Features {
  /// Whether something is supported.
  public struct Availability: Sendable, Equatable {
    /// True when it is supported; absent when that is not known.
    public var enabled: Bool?

    public init(enabled: Bool? = nil) {
      self.enabled = enabled
    }
  }
}

extension Features.Availability: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "enabled": try json.read(&enabled)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("enabled", enabled)
    json.endObject()
  }
}

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
