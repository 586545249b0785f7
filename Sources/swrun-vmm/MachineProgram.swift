internal import CLinux
internal import FileServer
internal import GuestProtocol
internal import Isolation
internal import JSON
internal import Linux
internal import MachinePlan
internal import Platform
internal import Virtio

/// One virtual machine, from its plan to its end.
enum MachineProgram {
  /// Never comes back: the process ends with the exit code of the container's process, with all
  /// threads as they are. `planFile` is the descriptor of the plan.
  static func run(_ planFile: CInt) -> Never {
    var creator: LaunchChannel?
    do throws(RuntimeError) {
      let plan = try decode(planFile)
      let channel = LaunchChannel(
        socket: SharedDescriptor(FileDescriptor(owning: plan.channel)))
      creator = channel
      try run(plan, channel)
    } catch {
      Supervisor.report(error, to: creator)
      cl_exit(error.exitCode)
    }
  }

  private static func run(
    _ plan: MachinePlan, _ creator: LaunchChannel
  ) throws(RuntimeError) -> Never {
    let signals = try Self.signals()
    cl_report_forbidden_calls(plan.console)
    _ = cl_limit_arenas(4)
    // The agent's alone: nothing of it is looked at here.
    let request = try contents(plan.request, "the request")
    let descriptors = try Jail.ownDescriptors()
    let window = try fileWindow(plan)
    let settings = Settings(cache: CacheMode(plan.cacheMode), window: window)
    Jail.allow(descriptors: settings.limits.descriptors)
    let files = try step("shares") { () throws(SystemError) in
      try FileServer(
        shares: plan.shares.map {
          Share(
            name: $0.name, root: $0.fd,
            isReadOnly: $0.isReadOnly && $0.name != MachinePlan.Share.rootName)
        },
        settings: settings,
        procSelfFd: descriptors.rawValue)
    }
    let vsock = VsockDevice(
      guestCID: Port.guestCID, listener: FileDescriptor(owning: plan.vsock))
    let agent = BootConnection(
      try step("boot connection") { () throws(SystemError) in
        try vsock.awaitConnection(port: Port.boot)
      })
    let engine = try self.engine(plan, files, window, vsock)
    // The guest's memory has what they hold, and the file server descriptors of its own.
    for file in [plan.kernel, plan.initramfs] + plan.shares.map(\.fd) where file >= 0 {
      _ = cl_close(file)
    }
    let supervisor = Supervisor(
      plan, engine, creator: creator, agent: agent, files: files, signals: signals,
      request: request
    ) { () throws(RuntimeError) in
      if window != nil, !files.usesWindow { throw unusedWindow }
    } sealShares: {
      // Mount points were made in it up to here.
      if plan.shares.contains(where: { $0.name == MachinePlan.Share.rootName && $0.isReadOnly }) {
        files.makeReadOnly(share: MachinePlan.Share.rootName)
      }
      if plan.shares.allSatisfy(\.isReadOnly) { engine.limitFileServer() }
    }
    try Jail.leaveHostTree()
    try Jail.dropPrivileges(
      endsProcess: plan.engine == .qemu, descriptors: settings.limits.descriptors)
    try SystemCallFilter.loadForAll()
    cl_exit(supervisor.run())
  }

  private static func engine(
    _ plan: MachinePlan, _ files: FileServer, _ window: FileWindow?, _ vsock: VsockDevice
  ) throws(RuntimeError) -> any Engine {
    let console = ConsoleLog(file: plan.console)
    switch plan.engine {
    case .kvm:
      return try KVMMachine(
        plan, console: console, files: files, window: window, vsock: vsock)
    case .qemu: return try QEMUMachine(plan, console: console, files: files, vsock: vsock)
    }
  }

  private static func fileWindow(_ plan: MachinePlan) throws(RuntimeError) -> FileWindow? {
    guard plan.window != 0 else { return nil }
    guard plan.engine == .kvm else {
      throw RuntimeError(
        "the plan: window: the engine \(plan.engine.rawValue) has none",
        advice: "install swrun as a whole")
    }
    return try step("DAX window of the virtual machine") { () throws(SystemError) in
      try FileWindow(size: plan.window)
    }
  }

  private static let unusedWindow = RuntimeError(
    "annotation \(MachinePlan.windowAnnotation): the guest's kernel does not use the DAX window",
    advice: "it has to be Linux 5.17 or later with CONFIG_FUSE_DAX; or leave the annotation out")

  /// A descriptor that tells the signals which are for the guest's process; SIGPIPE is nobody's.
  private static func signals() throws(RuntimeError) -> FileDescriptor {
    _ = cl_ignore_signal(SIGPIPE)
    var forwarded = cl_forwarded_signals()
    return try step("signals") { () throws(SystemError) in
      try system("sigprocmask") { unsafe cl_sigprocmask(SIG_BLOCK, &forwarded, nil) }
      return FileDescriptor(
        owning: try system("signalfd") {
          unsafe cl_signalfd(-1, &forwarded, O_CLOEXEC | O_NONBLOCK)
        })
    }
  }

  private static func contents(_ file: CInt, _ name: String) throws(RuntimeError) -> [UInt8] {
    try step(name) { () throws(SystemError) in
      try FileDescriptor(owning: file).readAll(limit: 64 << 20, name)
    }
  }

  private static func decode(_ file: CInt) throws(RuntimeError) -> MachinePlan {
    let bytes = try contents(file, "the plan")
    do throws(JSONError) {
      var json = try JSONReader(bytes.span, maximumSize: 64 << 20)
      let plan = try MachinePlan(&json)
      try json.finish()
      return plan
    } catch {
      throw RuntimeError("the plan: \(error.reason)", advice: "install swrun as a whole")
    }
  }
}

extension CacheMode {
  fileprivate init(_ mode: MachinePlan.CacheMode) {
    switch mode {
    case .none: self = .none
    case .auto: self = .auto
    case .always: self = .always
    }
  }
}
