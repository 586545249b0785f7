internal import CLinux
internal import FileServer
internal import GuestProtocol
internal import GuestSession
internal import Isolation
internal import Linux
internal import MachinePlan
internal import Platform

/// The control thread's work: brings the guest up, makes the container in it, and stays with its
/// process to the end.
final class Supervisor {
  private let plan: MachinePlan
  private let engine: any Engine
  /// To the swrun that creates the container; it ends when that has what it needs.
  private var creator: LaunchChannel?
  /// From the connection of `swrun start`.
  private var starter: LaunchChannel?
  private let startListener: SharedDescriptor?
  private let agent: BootConnection
  private let signals: FileDescriptor
  private let session: GuestSession
  private let caches: CacheDrop
  private let files: FileServer
  /// The container's, encoded without the time and the entropy.
  private let request: [UInt8]
  /// Called when the guest has its shares: whether they are what was asked for.
  private let checkShares: () throws(RuntimeError) -> Void
  /// Called when the container's file system is set up, before its program runs.
  private let sealShares: () -> Void
  private var phase = Phase.creating
  /// What the agent said before the machine ended may still be on its way.
  private var machineHasEnded = false

  private enum Phase {
    case creating, created, starting, running
  }

  init(
    _ plan: MachinePlan, _ engine: any Engine, creator: LaunchChannel, agent: BootConnection,
    files: FileServer, signals: consuming FileDescriptor, request: [UInt8],
    checkShares: @escaping () throws(RuntimeError) -> Void, sealShares: @escaping () -> Void
  ) {
    self.plan = plan
    self.engine = engine
    self.creator = creator
    self.agent = agent
    self.files = files
    self.signals = signals
    self.request = request
    self.checkShares = checkShares
    self.sealShares = sealShares
    startListener =
      plan.start < 0 ? nil : SharedDescriptor(FileDescriptor(owning: plan.start))
    session = GuestSession(
      connect: { port throws(SystemError) in try engine.connect(port: port) },
      terminal: plan.terminal, stdio: (0, 1, 2))
    caches = CacheDrop { port throws(SystemError) in try engine.connect(port: port) }
  }

  /// Runs the virtual machine: the exit code of the container's process.
  func run() -> CInt {
    defer { engine.console.flush() }
    do throws(RuntimeError) {
      try engine.start()
      mark("virtual machine")
      ThreadRole.control.enter()
      try runHooks()
      try awaitAgent()
      engine.revealDevices()
      try checkShares()
      mark("guest")
      try session.create(payload())
      return try attend()
    } catch {
      Self.report(error, to: starter ?? creator)
      return error.exitCode
    }
  }

  /// Tells who waits for the container; where nobody does any more, the container's own error
  /// stream, which an engine keeps as its log.
  static func report(_ error: RuntimeError, to waiting: LaunchChannel?) {
    if let waiting, (try? waiting.send(.failed(error))) != nil { return }
    try? FileDescriptor.writeAll(2, Array("swrun: \(error)\n".utf8))
  }

  /// The host's hooks run while the guest boots.
  private func runHooks() throws(RuntimeError) {
    guard let creator else { return }
    let goesOn = try step("hooks") { () throws(SystemError) in
      try creator.send(.needsHooks)
      return try creator.waitToProceed()
    }
    if !goesOn { throw Self.abandoned }
  }

  private static let abandoned = RuntimeError(
    "the swrun that created the container is gone", advice: "create it again")

  private func awaitAgent() throws(RuntimeError) {
    var deadline = cl_monotonic_ns() + Int64(plan.bootTimeout) * 1_000_000
    var hasPanicked = false
    while true {
      if let failure = try agent.receive() { throw failed(failure) }
      if agent.isReady { return }
      if !hasPanicked, GuestFault.panic(engine.console.text) != nil {
        // It restarts the machine, if it still can; its last words are there by then.
        hasPanicked = true
        deadline = min(deadline, cl_monotonic_ns() + 2_000_000_000)
      }
      let left = (deadline - cl_monotonic_ns() + 999_999) / 1_000_000
      if left <= 0 {
        throw failed(
          hasPanicked
            ? "the guest's kernel stopped at its boot"
            : "the guest's agent did not answer within \(plan.bootTimeout) ms of the start of"
              + " \(plan.kernelPath)")
      }
      var polled = [
        pollfd(fd: agent.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: engine.ended, events: Int16(POLLIN), revents: 0),
        pollfd(fd: creator?.socket.rawValue ?? -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: signals.rawValue, events: Int16(POLLIN), revents: 0),
      ]
      _ = unsafe cl_poll(&polled, UInt(polled.count), CInt(clamping: min(left, 1000)))
      if polled[1].revents != 0 { throw failed(end()) }
      if polled[2].revents != 0 { throw Self.abandoned }
      if polled[3].revents != 0 { try endBySignal() }
    }
  }

  /// There is no process yet that could decide what a signal means to it.
  private func endBySignal() throws(RuntimeError) {
    var sender: pid_t = 0
    let signal = unsafe cl_read_signal(signals.rawValue, &sender)
    guard [SIGTERM, SIGINT, SIGQUIT, SIGHUP].contains(signal) else { return }
    throw RuntimeError(
      "ended by signal \(signal) before the guest was up", exitCode: 128 + signal)
  }

  /// The request with the host's time and randomness of this moment.
  private func payload() throws(RuntimeError) -> [UInt8] {
    var entropy = [UInt8](repeating: 0, count: 64)
    try step("entropy for the guest") { () throws(SystemError) in
      try system("getrandom") {
        unsafe entropy.withUnsafeMutableBytes { unsafe cl_getrandom($0.baseAddress!, $0.count) }
      }
    }
    let payload = CreateRequest.payload(
      request, timeNanoseconds: cl_realtime_ns(), entropy: entropy)
    guard let payload else {
      throw RuntimeError("the request: it is no object", advice: "install swrun as a whole")
    }
    return payload
  }

  // MARK: - The process

  private func attend() throws(RuntimeError) -> CInt {
    if plan.terminal { try session.resizeToWindow() }
    while true {
      switch try session.next(watching: watched, timeout: patience) {
      case .created:
        phase = .created
        sealShares()
        try report(.ready)
      case .started:
        phase = .running
        // The end of the connection says so.
        starter?.socket.close()
        starter = nil
        leaveCreator()
        // Most of it has made the machine and is not used again; the rest comes back as it is.
        _ = cl_release_text()
      case .failed(let error): throw error
      case .exited(let code): return code
      case .warning(let text): warn(text)
      case .lost: throw lost()
      case .timeout where machineHasEnded: throw failed(end())
      case .timeout:
        throw failed("the guest's agent did not make the container in \(plan.bootTimeout) ms")
      case .readable(let descriptor): try handle(descriptor)
      }
    }
  }

  /// How long the next event may take, in milliseconds; -1 for any time.
  private var patience: Int {
    if machineHasEnded { return session.isEnding ? -1 : Self.settling }
    return phase == .creating ? plan.bootTimeout : -1
  }

  /// Time for what a machine sent just before its end.
  private static let settling = 2000

  private var watched: [CInt] {
    if machineHasEnded { return [signals.rawValue] }
    var descriptors = [
      signals.rawValue, engine.ended, agent.descriptor, files.shortage, caches.descriptor,
    ]
    if phase != .starting, let creator { descriptors.append(creator.socket.rawValue) }
    if phase == .created, creator == nil {
      descriptors.append(starter?.socket.rawValue ?? startListener?.rawValue ?? -1)
    }
    return descriptors
  }

  private func handle(_ descriptor: CInt) throws(RuntimeError) {
    switch descriptor {
    case signals.rawValue: try forwardSignal()
    case engine.ended: machineHasEnded = true
    case agent.descriptor:
      if let failure = try agent.receive() { throw failed(failure) }
    case files.shortage:
      _ = cl_eventfd_take(files.shortage)
      if !caches.ask() { files.shortageWasTold() }
    case caches.descriptor: if caches.receive() { files.shortageWasTold() }
    case creator?.socket.rawValue: try hearCreator()
    case starter?.socket.rawValue: try hearStarter()
    default: try acceptStarter()
    }
  }

  /// The creator starts the process, or, where there is a socket for that, leaves.
  private func hearCreator() throws(RuntimeError) {
    let goesOn = try step("container process") { () throws(SystemError) in
      try creator?.waitToProceed() ?? false
    }
    if !goesOn { throw Self.abandoned }
    if phase == .creating { return }
    if startListener == nil { return try start() }
    leaveCreator()
  }

  private func leaveCreator() {
    creator?.socket.close()
    creator = nil
  }

  private func acceptStarter() throws(RuntimeError) {
    guard let startListener else { return }
    let accepted = cl_accept4(startListener.rawValue, cl_sock_cloexec())
    // Who connected may be gone again.
    if accepted < 0 { return }
    starter = LaunchChannel(socket: SharedDescriptor(FileDescriptor(owning: accepted)))
  }

  /// A `start` that was killed before it said so leaves the container created.
  private func hearStarter() throws(RuntimeError) {
    guard (try? starter?.waitToProceed()) == true else {
      starter = nil
      return
    }
    try start()
  }

  private func start() throws(RuntimeError) {
    phase = .starting
    try session.start()
  }

  private func report(_ report: LaunchChannel.Report) throws(RuntimeError) {
    try step("container process") { () throws(SystemError) in try creator?.send(report) }
  }

  /// A timing line of `--debug`: the creator's clock counts.
  private func mark(_ step: String) {
    if plan.traces { try? creator?.send(.step(step)) }
  }

  private func warn(_ text: String) {
    // Without a creator nobody is left who would print it.
    try? creator?.send(.warning(text))
  }

  private func forwardSignal() throws(RuntimeError) {
    var sender: pid_t = 0
    let signal = unsafe cl_read_signal(signals.rawValue, &sender)
    switch signal {
    case SIGWINCH where plan.terminal: try session.resizeToWindow()
    case SIGCHLD, SIGPIPE: break
    case 1...: try session.signal(signal)
    default: break
    }
  }

  // MARK: - The end of the machine

  /// The agent's connection broke: mostly because the machine ends, which says more.
  private func lost() -> RuntimeError {
    var polled = pollfd(fd: engine.ended, events: Int16(POLLIN), revents: 0)
    _ = unsafe cl_poll(&polled, 1, CInt(Self.settling))
    return failed(
      polled.revents != 0 ? end() : "the connection to the guest's agent broke")
  }

  private func end() -> String {
    engine.outcome().map { "\($0)" } ?? "the virtual machine ended"
  }

  /// What happened, with the newest of what the guest said.
  private func failed(_ what: String) -> RuntimeError {
    engine.console.flush()
    return GuestFault.error(
      what, engine.console.text, memoryAtBoot: phase == .creating ? plan.memory : nil)
  }
}
