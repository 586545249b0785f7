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
