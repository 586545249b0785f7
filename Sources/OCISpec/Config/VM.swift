public import JSON

extension Spec {
  /// What is particular to a container in a virtual machine (config-vm.md).
  public struct VM: Sendable, Equatable {
    /// The hypervisor.
    public var hypervisor: Hypervisor
    /// The kernel of the guest.
    public var kernel: Kernel
    /// The image that the kernel boots into.
    public var image: Image
    /// The hardware of the guest (1.3).
    public var hwConfig: HWConfig?

    public init(
      hypervisor: Hypervisor = Hypervisor(), kernel: Kernel = Kernel(), image: Image = Image(),
      hwConfig: HWConfig? = nil
    ) {
      self.hypervisor = hypervisor
      self.kernel = kernel
      self.image = image
      self.hwConfig = hwConfig
    }
  }
}

extension Spec.VM: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "hypervisor": try json.read(&hypervisor)
      case "kernel": try json.read(&kernel)
      case "image": try json.read(&image)
      case "hwConfig": try json.read(&hwConfig)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("hypervisor", hypervisor, omitting: Hypervisor())
    json.member("kernel", kernel, omitting: Kernel())
    json.member("image", image, omitting: Image())
    json.member("hwConfig", hwConfig)
    json.endObject()
  }
}

extension Spec.VM {
  /// The hypervisor that runs the guest.
  public struct Hypervisor: Sendable, Equatable {
    /// The absolute path of the hypervisor on the host.
    public var path: String?
    /// The parameters that it is started with.
    public var parameters: [String]

    public init(path: String? = nil, parameters: [String] = []) {
      self.path = path
      self.parameters = parameters
    }
  }
}

extension Spec.VM.Hypervisor: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "path": try json.nonEmpty(&path)
      case "parameters": try json.read(&parameters)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("path", path)
    json.member("parameters", parameters, omitting: [])
    json.endObject()
  }
}

extension Spec.VM {
  /// The kernel of the guest.
  public struct Kernel: Sendable, Equatable {
    /// The absolute path of the kernel on the host.
    public var path: String?
    /// The parameters of its command line.
    public var parameters: [String]
    /// The absolute path of the initial ramdisk on the host.
    public var initrd: String?

    public init(path: String? = nil, parameters: [String] = [], initrd: String? = nil) {
      self.path = path
      self.parameters = parameters
      self.initrd = initrd
    }
  }
}

extension Spec.VM.Kernel: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "path": try json.nonEmpty(&path)
      case "parameters": try json.read(&parameters)
      case "initrd": try json.nonEmpty(&initrd)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("path", path)
    json.member("parameters", parameters, omitting: [])
    json.member("initrd", initrd)
    json.endObject()
  }
}

extension Spec.VM {
  /// The image that the kernel of the guest boots into.
  public struct Image: Sendable, Equatable {
    /// The absolute path of the image on the host.
    public var path: String?
    /// The format of the image, such as `raw` or `qcow2`.
    public var format: String?

    public init(path: String? = nil, format: String? = nil) {
      self.path = path
      self.format = format
    }
  }
}

extension Spec.VM.Image: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "path": try json.nonEmpty(&path)
      case "format": try json.nonEmpty(&format)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("path", path)
    json.member("format", format)
    json.endObject()
  }
}

extension Spec.VM {
  /// The hardware of the guest.
  public struct HWConfig: Sendable, Equatable {
    /// The path of the device tree on the host.
    public var deviceTree: String?
    /// The number of virtual CPUs.
    public var vcpus: UInt32?
    /// The memory of the guest, in bytes.
    public var memory: UInt64?
    /// The devices of the host's device tree that are passed through.
    public var dtdevs: [String]
    /// The ranges of the host's memory that are passed through.
    public var iomems: [IOMem]
    /// The interrupts of the host that are passed through.
    public var irqs: [UInt32]

    public init(
      deviceTree: String? = nil, vcpus: UInt32? = nil, memory: UInt64? = nil,
      dtdevs: [String] = [], iomems: [IOMem] = [], irqs: [UInt32] = []
    ) {
      self.deviceTree = deviceTree
      self.vcpus = vcpus
      self.memory = memory
      self.dtdevs = dtdevs
      self.iomems = iomems
      self.irqs = irqs
    }
  }
}

extension Spec.VM.HWConfig: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "deviceTree": try json.nonEmpty(&deviceTree)
      case "vcpus": try json.read(&vcpus)
      case "memory": try json.read(&memory)
      case "dtdevs": try json.read(&dtdevs)
      case "iomems": try json.read(&iomems)
      case "irqs": try json.read(&irqs)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("deviceTree", deviceTree)
    json.member("vcpus", vcpus)
    json.member("memory", memory)
    json.member("dtdevs", dtdevs, omitting: [])
    json.member("iomems", iomems, omitting: [])
    json.member("irqs", irqs, omitting: [])
    json.endObject()
  }
}

extension Spec.VM.HWConfig {
  /// A range of the host's memory that is passed through.
  public struct IOMem: Sendable, Equatable {
    /// The first frame in the guest; when absent, the same as in the host.
    public var firstGFN: UInt64?
    /// The first frame in the host.
    public var firstMFN: UInt64
    /// The number of frames.
    public var nrMFNs: UInt64

    public init(firstGFN: UInt64? = nil, firstMFN: UInt64, nrMFNs: UInt64) {
      self.firstGFN = firstGFN
      self.firstMFN = firstMFN
      self.nrMFNs = nrMFNs
    }
  }
}

extension Spec.VM.HWConfig.IOMem: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var firstGFN: UInt64?
    var firstMFN: UInt64?
    var nrMFNs: UInt64?
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "firstGFN": try json.read(&firstGFN)
      case "firstMFN": try json.read(&firstMFN)
      case "nrMFNs": try json.read(&nrMFNs)
      default: try json.skip()
      }
    }
    self.init(
      firstGFN: firstGFN,
      firstMFN: try json.require(firstMFN, "firstMFN", in: object),
      nrMFNs: try json.require(nrMFNs, "nrMFNs", in: object))
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("firstGFN", firstGFN)
    json.member("firstMFN", firstMFN)
    json.member("nrMFNs", nrMFNs)
    json.endObject()
  }
}
