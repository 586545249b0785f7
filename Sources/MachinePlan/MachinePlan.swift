public import JSON

/// All that swrun tells swrun-vmm of the virtual machine to run, handed over as JSON in a sealed
/// memory file; descriptors are numbers that the program inherits.
public struct MachinePlan: Sendable, Equatable {
  /// What runs the guest: our own VMM on /dev/kvm, or qemu.
  public enum Engine: String, Sendable, JSONEnumeration {
    case kvm
    case qemu
  }

  /// How long the guest relies on what it has read of the shares (specs/file-server.md).
  public enum CacheMode: String, Sendable, JSONEnumeration {
    case none
    case auto
    case always
  }

  /// A directory or file of the host that the guest sees below its shared tree.
  public struct Share: Sendable, Equatable {
    /// The name of the share that is the container's root.
    public static let rootName = "rootfs"

    /// The name in the shared tree: `rootName`, or a number.
    public var name: String
    /// An O_PATH descriptor of a detached mount of it.
    public var fd: Int32
    public var isReadOnly: Bool

    public init(name: String, fd: Int32, isReadOnly: Bool) {
      self.name = name
      self.fd = fd
      self.isReadOnly = isReadOnly
    }
  }

  public var id = ""
  public var engine = Engine.kvm
  /// In bytes, a multiple of 2 MiB.
  public var memory: UInt64 = 0
  public var processors = 1
  /// The kernel image and the initramfs, open for reading; -1 for no initramfs.
  public var kernel: Int32 = -1
  public var initramfs: Int32 = -1
  /// How messages call the kernel.
  public var kernelPath = ""
  /// The kernel's parameters beyond those that the VMM needs itself.
  public var kernelParameters: [String] = []
  public var shares: [Share] = []
  public var cacheMode = CacheMode.auto
  /// The annotation that asks for a DAX window.
  public static let windowAnnotation = "dev.swrun.vm.dax"
  /// The size of the DAX window in bytes, a multiple of 2 MiB; 0 for none. Of the engine kvm alone.
  public var window = 0
  /// Queues for requests that the file system device has, 1 to 16.
  public var fileQueues = 1
  /// A listening unix stream socket: who connects reaches the guest's vsock ports.
  public var vsock: Int32 = -1
  /// A listening unix seqpacket socket on which a created container waits for `start`; -1 when the
  /// creator starts it over `channel`.
  public var start: Int32 = -1
  /// A seqpacket socket to the swrun that creates the container.
  public var channel: Int32 = -1
  /// Where the guest's console is kept, open for writing.
  public var console: Int32 = -1
  /// The first message of the agent's main session (GuestProtocol `create`), as bytes of a file.
  public var request: Int32 = -1
  public var terminal = false
  /// Whether the creator wants to know when each step of the start has ended.
  public var traces = false
  /// Longest time from the VM's start to the agent's first word, in milliseconds.
  public var bootTimeout = 60_000
  /// The qemu program of the engine qemu.
  public var qemu = ""

  public init() {}
}

extension MachinePlan: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "id": try json.read(&id)
      case "engine": try json.read(&engine)
      case "memory": try json.read(&memory)
      case "processors": try json.read(&processors)
      case "kernel": try json.read(&kernel)
      case "initramfs": try json.read(&initramfs)
      case "kernelPath": try json.read(&kernelPath)
      case "kernelParameters": try json.read(&kernelParameters)
      case "shares": try json.read(&shares)
      case "cacheMode": try json.read(&cacheMode)
      case "window": try json.read(&window)
      case "fileQueues": try json.read(&fileQueues)
      case "vsock": try json.read(&vsock)
      case "start": try json.read(&start)
      case "channel": try json.read(&channel)
      case "console": try json.read(&console)
      case "request": try json.read(&request)
      case "terminal": try json.read(&terminal)
      case "traces": try json.read(&traces)
      case "bootTimeout": try json.read(&bootTimeout)
      case "qemu": try json.read(&qemu)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("id", id)
    json.member("engine", engine)
    json.member("memory", memory)
    json.member("processors", processors)
    json.member("kernel", kernel)
    json.member("initramfs", initramfs)
    json.member("kernelPath", kernelPath)
    json.member("kernelParameters", kernelParameters)
    json.member("shares", shares)
    json.member("cacheMode", cacheMode)
    json.member("window", window)
    json.member("fileQueues", fileQueues)
    json.member("vsock", vsock)
    json.member("start", start)
    json.member("channel", channel)
    json.member("console", console)
    json.member("request", request)
    json.member("terminal", terminal)
    json.member("traces", traces)
    json.member("bootTimeout", bootTimeout)
    json.member("qemu", qemu)
    json.endObject()
  }
}

extension MachinePlan.Share: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init(name: "", fd: -1, isReadOnly: true)
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "name": try json.read(&name)
      case "fd": try json.read(&fd)
      case "isReadOnly": try json.read(&isReadOnly)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("name", name)
    json.member("fd", fd)
    json.member("isReadOnly", isReadOnly)
    json.endObject()
  }
}
