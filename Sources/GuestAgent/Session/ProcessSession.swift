internal import CLinux
internal import GuestProtocol
internal import Isolation
internal import Linux

/// The session of one process: makes it, lends it the host's streams, waits for its end.
final class ProcessSession {
  private let control: ControlConnection
  private let size: WindowSize?
  /// What the host said before the process was there to be told.
  private var early: [HostMessage] = []
  /// A host that says more than this so early is at fault.
  private static let earlyLimit = 64
  private var hasStarted = false

  init(_ control: ControlConnection, size: WindowSize?) {
    self.control = control
    self.size = size
  }

  /// Returns when the process has ended, and the host knows it; the error is for the host, and the
  /// process is gone then. `settle` is called between the end and the host's knowing.
  func run(
    _ listener: StreamListener, _ planned: GuestContainer.PlannedProcess,
    settle: () -> Void
  ) throws(RuntimeError) {
    control.send(.streams(port: listener.port))
    let streams = try StandardStreams(terminal: planned.hasTerminal)
    let process = try planned.make()
    do throws(RuntimeError) {
      try StandardStreams.leadToNothing()
      guard let relay = try attach(listener, process, streams.pipes) else {
        return process.abort()
      }
      guard control.send(.created(pid: process.pid)) else { return process.abort() }
      try attend(process, relay, settle)
    } catch {
      process.abort()
      throw error
    }
  }

  /// Nil when the host has ended the session instead.
  private func attach(
    _ listener: StreamListener, _ process: any LaunchedProcess,
    _ pipes: StandardStreams.Pipes?
  ) throws(RuntimeError) -> StreamRelay? {
    var attachment = StreamAttachment(terminal: pipes == nil)
    while !attachment.isComplete {
      var polled = [pollfd(fd: control.rawValue, events: Int16(POLLIN), revents: 0)]
      polled += attachment.polled(listener)
      try Self.poll(&polled)
      if polled[0].revents != 0 {
        switch try control.next() {
        case .waiting: break
        case .ended: return nil
        case .message(let message):
          early.append(message)
          if early.count > Self.earlyLimit {
            throw RuntimeError("session: too many messages before its streams")
          }
        }
      }
      try attachment.take(polled[1...], listener)
    }
    if let pipes { return try StreamRelay(pipes: pipes, attachment.connections) }
    guard let master = process.console else {
      throw RuntimeError("terminal of the process: its master side is gone")
    }
    if let size { StreamRelay.resize(master.rawValue, size) }
    return try StreamRelay(terminal: master, attachment.connections)
  }

  // MARK: - While it runs

  private func attend(
    _ process: any LaunchedProcess, _ relay: StreamRelay, _ settle: () -> Void
  ) throws(RuntimeError) {
    for message in early { try obey(message, process, relay) }
    while true {
      var polled = [
        pollfd(fd: control.rawValue, events: Int16(POLLIN), revents: 0),
        pollfd(fd: process.pidfd.rawValue, events: Int16(POLLIN), revents: 0),
      ]
      polled += relay.wanted()
      try Self.poll(&polled)
      if polled[0].revents != 0 {
        switch try control.next() {
        case .waiting: break
        case .ended: return process.abort()
        case .message(let message): try obey(message, process, relay)
        }
      }
      relay.move(polled[2...])
      if polled[1].revents != 0 { return try finish(process, relay, settle) }
    }
  }

  private func obey(
    _ message: HostMessage, _ process: any LaunchedProcess, _ relay: StreamRelay
  ) throws(RuntimeError) {
    switch message {
    case .start where !hasStarted:
      hasStarted = true
      try process.start()
      control.send(.started)
    case .resize(let size): relay.resize(size)
    case .signal(let number):
      let result = cl_pidfd_send_signal(process.pidfd.rawValue, number)
      // It may have ended a moment ago.
      if result < 0 && result != -ESRCH {
        control.send(
          .warning("signal \(number): \(SystemError(-result, "pidfd_send_signal"))"))
      }
    default: throw RuntimeError("session: a message \(message.name) makes no sense there")
    }
  }

  private func finish(
    _ process: any LaunchedProcess, _ relay: StreamRelay, _ settle: () -> Void
  ) throws(RuntimeError) {
    var status: CInt = 0
    try step("wait") { () throws(SystemError) in
      try system("waitpid", "\(process.pid)") { unsafe cl_waitpid(process.pid, &status, 0) }
    }
    let control = control
    try relay.finish { sinks throws(RuntimeError) in
      var polled = sinks + [pollfd(fd: control.rawValue, events: Int16(POLLIN), revents: 0)]
      try Self.poll(&polled)
      if polled.last?.revents != 0, case .ended = try control.next() { return nil }
      return Array(polled.dropLast())
    }
    settle()
    let signal = status & 0x7f
    control.send(
      .exited(Exit(code: cl_exit_code(status), signal: signal == 0 ? nil : signal)))
  }

  private static func poll(_ polled: inout [pollfd]) throws(RuntimeError) {
    do throws(SystemError) {
      try system("poll") { unsafe cl_poll(&polled, UInt(polled.count), -1) }
    } catch { throw RuntimeError("session", error) }
  }
}
