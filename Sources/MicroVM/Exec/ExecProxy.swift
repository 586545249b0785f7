internal import CLinux
internal import GuestProtocol
internal import GuestSession
internal import Isolation
internal import Linux

/// The process on the host that stands for one of the guest: it has its streams, gets its signals
/// and ends with its exit code.
///
/// It is a clone of the runtime that executes nothing: it holds no descriptor but its streams, its
/// socket to the VM and, until the program runs, the one to the runtime; and it has no rights.
struct ExecProxy {
  /// Longest time from the request to a process that waits for its start, in milliseconds.
  private static let setUpTimeout = 60_000

  private let channel: LaunchChannel
  private let connection: GuestConnection
  private let session: GuestSession
  private let signals: SharedDescriptor
  private let terminal: Bool

  init(
    _ channel: LaunchChannel, _ connection: GuestConnection, terminal: Bool
  ) throws(RuntimeError) {
    self.channel = channel
    self.connection = connection
    self.terminal = terminal
    var mask = cl_forwarded_signals()
    signals = try step("exec") { () throws(SystemError) in
      // Blocked, not ignored: what our caller ignores is still for the guest's process.
      try system("sigprocmask") { unsafe cl_sigprocmask(SIG_BLOCK, &mask, nil) }
      return SharedDescriptor(
        FileDescriptor(
          owning: try system("signalfd") { unsafe cl_signalfd(-1, &mask, O_CLOEXEC | O_NONBLOCK) }))
    }
    session = GuestSession(
      connect: connection.connector, terminal: terminal, stdio: (input: 0, output: 1, error: 2))
    try Self.giveUpRights()
  }

  /// What the guest sends is read without the runtime's privileges; all files are open by now.
  private static func giveUpRights() throws(RuntimeError) {
    try step("exec") { () throws(SystemError) in
      try system("prctl", "PR_SET_NO_NEW_PRIVS") { cl_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }
      try system("capset") {
        cl_capset(cl_capability_sets(effective: 0, permitted: 0, inheritable: 0))
      }
    }
  }

  /// Closes every descriptor from 3 on but these.
  static func closeAll(but kept: [CInt]) throws(SystemError) {
    var first: CInt = 3
    for descriptor in kept.sorted() where descriptor >= first {
      if descriptor > first {
        try system("close_range") { cl_close_range(UInt32(first), UInt32(descriptor - 1), 0) }
      }
      first = descriptor + 1
    }
    try system("close_range") { cl_close_range(UInt32(first), ~0, 0) }
  }

  /// The exit code of the guest's process. An error is one that the runtime still waits for.
  func run(_ request: ExecRequest) throws(RuntimeError) -> CInt {
    try session.exec(request)
    try awaitCreation()
    // The streams are connected: the way to the VM is not needed any more.
    connection.directory.close()
    try step("exec") { () throws(SystemError) in try channel.send(.ready) }
    if terminal { try session.resizeToWindow() }
    if let code = try awaitStart() { return code }
    channel.socket.close()
    do throws(RuntimeError) {
      while true {
        switch try session.next(watching: [signals.rawValue]) {
        case .readable: try forwardSignal()
        case .exited(let code): return code
        case .lost: return Self.killed
        case .created, .started, .failed, .warning, .timeout: break
        }
      }
    } catch {
      // The runtime waits for our end alone, and its log is closed here.
      try? FileDescriptor.writeAll(2, Array("swrun: \(error)\n".utf8))
      return 255
    }
  }

  /// What ends with its virtual machine ends as the processes of a container that is killed.
  private static let killed = 128 + SIGKILL

  private func awaitCreation() throws(RuntimeError) {
    while true {
      let event = try session.next(
        watching: [channel.socket.rawValue, signals.rawValue], timeout: Self.setUpTimeout)
      switch event {
      case .created: return
      case .failed(let error): throw error
      case .warning(let text): try? channel.send(.warning(text))
      case .readable(signals.rawValue): try forwardSignal()
      // Nothing is to come before the process is ready: the runtime has ended.
      case .readable: cl_exit(1)
      case .timeout:
        throw RuntimeError(
          "exec: the guest has made no process within \(Self.setUpTimeout / 1000) s",
          advice: "the virtual machine is overloaded, paused or hangs")
      case .lost, .exited, .started: throw Self.lost
      }
    }
  }

  private static let lost = RuntimeError("exec: the virtual machine has ended")

  /// Until the program runs; an exit code when the process ended before.
  private func awaitStart() throws(RuntimeError) -> CInt? {
    var isStarted = false
    while true {
      // Once it was told to start, what else the runtime has to say is its end.
      let watched = isStarted ? [signals.rawValue] : [channel.socket.rawValue, signals.rawValue]
      switch try session.next(watching: watched) {
      case .started: return nil
      case .failed(let error): throw error
      case .warning(let text): try? channel.send(.warning(text))
      case .exited(let code): return code
      case .lost: throw Self.lost
      case .readable(signals.rawValue): try forwardSignal()
      case .readable:
        let mayProceed = (try? channel.waitToProceed()) ?? false
        if !mayProceed { cl_exit(1) }
        try session.start()
        isStarted = true
      case .created, .timeout: break
      }
    }
  }

  private func forwardSignal() throws(RuntimeError) {
    var sender: pid_t = 0
    let signal = unsafe cl_read_signal(signals.rawValue, &sender)
    switch signal {
    case SIGWINCH where terminal: try session.resizeToWindow()
    // Our own write to a closed pipe is no message to the guest's process.
    case SIGPIPE where sender == getpid(): break
    case 1...: try session.signal(signal)
    default: break
    }
  }
}
