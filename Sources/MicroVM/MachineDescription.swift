internal import CLinux
internal import Cgroups
internal import GuestProtocol
internal import Isolation
internal import JSON
internal import Linux
internal import MachinePlan
internal import OCISpec

/// A virtual machine for one bundle, decided and checked before anything of it exists.
struct MachineDescription {
  let engine: EngineChoice
  /// What of the configuration is not applied, and why.
  private(set) var warnings: [String] = []
  private let size: MachineSize
  private let bootTimeout: Int
  private let cacheMode: MachinePlan.CacheMode
  private let window: Int
  private let fileQueues: Int
  private let kernel: GuestKernel
  private let initramfs: SharedDescriptor
  private let shares: Shares
  private let request: CreateRequest
  private let process: Spec.Process

  init(
    _ bundle: Bundle, _ options: CreateOptions, stateRoot: String, id: String
  ) throws(RuntimeError) {
    guard let process = bundle.spec.process else {
      throw RuntimeError("config.json: process: is missing", advice: "name what to run")
    }
    if geteuid() != 0 {
      throw RuntimeError(
        "--isolation=vm: needs the privileges of root", advice: "run it with --container")
    }
    try VMRules.check(bundle.spec, options)
    self.process = process
    size = try MachineSize(bundle.spec)
    engine = try EngineChoice(
      options, bundle.spec, KVMProbe(cacheDirectory: stateRoot))
    bootTimeout = try BootTimeout.milliseconds(bundle.spec, engine.engine)
    cacheMode = try FileCache.mode(bundle.spec)
    window = try DirectAccess.windowSize(
      bundle.spec, engine.engine, guestMemory: size.memory)
    fileQueues = try FileQueues.count(bundle.spec)
    Trace.mark("engine")
    kernel = try GuestKernel(
      flag: options.kernel, bundle.spec, policy: options.policyKernel)
    initramfs = try Initramfs.prepare(for: kernel)
    Trace.mark("kernel and initramfs")
    shares = try Shares(bundle)
    var spec = shares.spec
    spec.linux.resources = ResourceSplit.guest(spec.linux.resources)
    // The guest has one container: its cgroup lies where the agent puts it.
    spec.linux.cgroupsPath = nil
    spec.vm = nil
    Self.dropLabels(&spec, &warnings)
    var request = CreateRequest()
    request.id = id
    request.spec = String(decoding: spec.encoded(), as: UTF8.self)
    request.bundle = bundle.path
    request.annotations = bundle.spec.annotations
    request.noPivot = options.noPivot
    request.noNewKeyring = options.noNewKeyring
    request.startsAtOnce = options.startsAtOnce
    if let size = process.consoleSize {
      request.terminalSize = WindowSize(
        rows: UInt16(clamping: size.height), columns: UInt16(clamping: size.width))
    }
    self.request = request
  }

  /// The labels of the host's security modules mean nothing to the guest's kernel.
  private static func dropLabels(_ spec: inout Spec, _ warnings: inout [String]) {
    if let profile = spec.process?.apparmorProfile {
      warnings.append("process.apparmorProfile: \(profile): not applied: the guest has no AppArmor")
      spec.process?.apparmorProfile = nil
    }
    if let label = spec.process?.selinuxLabel {
      warnings.append("process.selinuxLabel: \(label): not applied: the guest has no SELinux")
      spec.process?.selinuxLabel = nil
    }
    if let label = spec.linux.mountLabel {
      warnings.append("linux.mountLabel: \(label): not applied: the guest has no SELinux")
      spec.linux.mountLabel = nil
    }
  }

  /// What the record keeps.
  var summary: [String: String] {
    [
      "engine": engine.engine.rawValue, "engineReason": engine.reason, "kernel": kernel.path,
      "memory": String(size.memory), "processors": String(size.processors),
    ]
  }

  /// What the launcher starts, with the sockets of the state directory.
  func launch(
    _ cgroup: consuming Cgroup, in directory: borrowing ContainerDirectory,
    _ options: CreateOptions
  ) throws(RuntimeError) -> MachineLaunch {
    var plan = MachinePlan()
    var passed: [SharedDescriptor] = []
    func pass(_ descriptor: SharedDescriptor) -> Int32 {
      passed.append(descriptor)
      return descriptor.rawValue
    }
    plan.id = directory.id.value
    plan.engine = engine.engine
    plan.qemu = engine.qemu
    plan.memory = size.memory
    plan.processors = size.processors
    plan.kernel = pass(kernel.image)
    plan.kernelPath = kernel.path
    plan.kernelParameters = kernel.parameters
    plan.initramfs = pass(initramfs)
    plan.shares = shares.shares.map {
      MachinePlan.Share(
        name: $0.name, fd: pass($0.tree), isReadOnly: $0.isReadOnly)
    }
    plan.vsock = pass(try StateSocket.listen("vsock", type: 0, in: directory))
    if !options.startsAtOnce { plan.start = pass(try StartSocket.listen(in: directory)) }
    plan.console = pass(try consoleFile(in: directory))
    var json = JSONWriter()
    request.write(to: &json)
    plan.request = pass(try MemoryFile.sealed("request", json.bytes))
    plan.terminal = process.terminal
    plan.traces = Trace.isOn
    plan.bootTimeout = bootTimeout
    plan.cacheMode = cacheMode
    plan.window = window
    plan.fileQueues = fileQueues
    let terminal = process.terminal ? try HostTerminal() : nil
    if let terminal { try hand(terminal.master, options) }
    return try MachineLaunch(
      plan, passing: passed, terminal: terminal, cgroup: cgroup, oomScore: process.oomScoreAdj,
      lock: directory.descriptor.rawValue)
  }

  /// To the engine that waits for it; without one the launch keeps it for the foreground.
  private func hand(
    _ master: SharedDescriptor, _ options: CreateOptions
  ) throws(RuntimeError) {
    guard let socket = options.consoleSocket else { return }
    try DescriptorSocket.send(
      master.rawValue, text: "/dev/ptmx", to: socket, option: "--console-socket")
    master.close()
  }

  /// In the state directory.
  static let consoleName = "console"

  private func consoleFile(
    in directory: borrowing ContainerDirectory
  ) throws(RuntimeError) -> SharedDescriptor {
    try step("console of \(directory.id)") { () throws(SystemError) in
      SharedDescriptor(
        try FileDescriptor.open(
          Self.consoleName, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600,
          at: directory.reference))
    }
  }
}
