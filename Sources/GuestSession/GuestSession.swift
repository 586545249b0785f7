internal import CLinux
public import GuestProtocol
public import Linux

/// The host's side of one process in the guest: asks the agent for it, copies its streams and
/// tells how it ended.
///
/// It has no thread: `next` does all the work. Nothing that the guest does can make it wait
/// beyond the caller's time, keep more than a few buffers, or trap. A thrown error ends the
/// session; letting go of it ends the guest's process. SIGPIPE must be blocked or ignored.
public final class GuestSession {
  /// Opens a connection to a vsock port of the guest.
  public typealias Connector = (UInt32) throws(SystemError) -> FileDescriptor

  public enum Event: Equatable {
    /// The process waits for `start`; the pid is the guest's.
    case created(pid: Int32)
    /// It executes its program.
    case started
    /// What was asked for did not happen; nothing follows.
    case failed(RuntimeError)
    /// It has ended, and all that it wrote was copied; nothing follows.
    case exited(code: CInt)
    case warning(String)
    /// The virtual machine or its agent is gone; nothing follows.
    case lost
    /// One of the watched descriptors can be read.
    case readable(CInt)
    case timeout
  }

  enum Phase {
    case idle
    /// The request was sent.
    case requested
    /// The streams are connected.
    case attached
    case created
    /// `start` was sent.
    case starting
    case running
    /// The end is known; output is still on its way.
    case ending(Event)
    case over
  }

  /// Warnings that are told; a guest that has more of them is up to something.
  private static let warningLimit = 64
  /// Signals and sizes that wait for the process to exist; the newest ones are left out.
  private static let earlyLimit = 64

  private let connect: Connector
  private var control: FileDescriptor?
  private var reader = MessageReader<GuestMessage>()
  private var writer = MessageWriter<HostMessage>()
  private var streams: Streams
  private var phase = Phase.idle
  /// What is for the process, and was said before it existed.
  private var early: [HostMessage] = []
  private var warnings = 0
  var drain = DrainRule()

  /// Takes over the three descriptors of `stdio`: they are closed, or led to /dev/null where they
  /// are the standard ones, when the guest's process closes its side.
  ///
  /// With `terminal` they are all the same terminal, in raw mode.
  public init(
    connect: @escaping Connector, terminal: Bool,
    stdio: (input: CInt, output: CInt, error: CInt)
  ) {
    self.connect = connect
    streams = Streams(terminal: terminal, stdio: stdio)
  }

  /// Asks for the container; `payload` is that of the message `create`.
  public func create(_ payload: [UInt8]) throws(RuntimeError) {
    let frame = try Self.checked { () throws(ProtocolError) in
      try HostMessage.createFrame(payload: payload)
    }
    try open(frame)
  }

  /// Asks for another process in the container.
  public func exec(_ request: ExecRequest) throws(RuntimeError) {
    let frame = try Self.checked { () throws(ProtocolError) in
      try HostMessage.exec(request).encode()
    }
    try open(frame)
  }

  private func open(_ frame: [UInt8]) throws(RuntimeError) {
    let connect = connect
    do throws(SystemError) { control = try connect(Port.agent) } catch {
      throw RuntimeError("guest agent", error, advice: Self.advice)
    }
    phase = .requested
    try Self.checked { () throws(ProtocolError) in try writer.add(frame: frame) }
    flush()
  }

  /// Lets a created process execute its program.
  public func start() throws(RuntimeError) {
    guard case .created = phase else {
      throw RuntimeError("guest session: start of a process that does not wait for it")
    }
    phase = .starting
    try send(.start)
  }

  /// Sends the process a signal, once it exists; nothing happens when there is none any more.
  public func signal(_ number: CInt) throws(RuntimeError) {
    if [SIGTERM, SIGINT, SIGQUIT, SIGHUP].contains(number) { drain.isWantedToEnd = true }
    try send(.signal(number))
  }

  /// Tells the process's terminal its size.
  public func resize(rows: UInt16, columns: UInt16) throws(RuntimeError) {
    try send(.resize(WindowSize(rows: rows, columns: columns)))
  }

  /// Whether the process's end is known, and only its output is waited for.
  public var isEnding: Bool {
    if case .ending = phase { return true }
    return false
  }

  /// Tells the process's terminal the size of ours; nothing happens without one.
  public func resizeToWindow() throws(RuntimeError) {
    guard let size = streams.windowSize(), size.rows > 0 || size.columns > 0 else { return }
    try resize(rows: size.rows, columns: size.columns)
  }

  private func send(_ message: HostMessage) throws(RuntimeError) {
    switch phase {
    case .requested, .attached:
      if early.count < Self.earlyLimit { early.append(message) }
      return
    case .created, .starting, .running: break
    case .idle, .ending, .over: return
    }
    try checked { () throws(ProtocolError) in try writer.add(message) }
    flush()
  }

  // MARK: - Waiting

  /// Copies the streams until something happens that the caller should know.
  ///
  /// `extra` are descriptors that are watched too; `timeout` is in milliseconds, -1 for none.
  public func next(
    watching extra: [CInt] = [], timeout: Int = -1
  ) throws(RuntimeError) -> Event {
    let deadline = Deadline(milliseconds: timeout)
    if case .over = phase { return .lost }
    while true {
      if case .ending(let event) = phase, drain.isOver(streams) {
        phase = .over
        streams.finish()
        control = nil
        return event
      }
      var wait = deadline.earlier(drain.deadline)
      if control != nil { wait = wait.earlier(streams.errorDeadline) }
      let polled = try poll(extra, wait)
      if let event = try readControl(polled.control) { return event }
      if streams.move(polled.streams) { drain.progress(streams) }
      if control != nil { streams.letGoOfErrorWhenDue() }
      if let ready = polled.extra { return .readable(ready) }
      if deadline.isOver { return .timeout }
    }
  }

  /// What poll(2) found: of the control connection, of the streams, and one of the extra ones.
  private struct Found {
    var control: Int16 = 0
    var streams: [pollfd] = []
    var extra: CInt?
  }

  private func poll(_ extra: [CInt], _ deadline: Deadline) throws(RuntimeError) -> Found {
    let control = control.rawValue
    let events = POLLIN | (writer.isEmpty ? 0 : POLLOUT)
    var polled = [pollfd(fd: control, events: Int16(events), revents: 0)]
    polled += streams.wanted()
    let streamsEnd = polled.count
    for descriptor in extra {
      polled.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
    }
    // An interrupted wait is one that found nothing: the caller may have been sent a signal.
    let result = unsafe cl_poll(&polled, UInt(polled.count), deadline.pollTimeout)
    if result < 0 {
      if result == -EINTR { return Found(streams: polled[1..<streamsEnd].map(Self.nothing)) }
      throw RuntimeError("guest session", SystemError(-result, "poll"))
    }
    return Found(
      control: polled[0].revents, streams: Array(polled[1..<streamsEnd]),
      extra: polled[streamsEnd...].first { $0.revents != 0 }?.fd)
  }

  private static func nothing(_ polled: pollfd) -> pollfd {
    pollfd(fd: polled.fd, events: polled.events, revents: 0)
  }

  private func flush() {
    do throws(ProtocolError) { try writer.flush(to: control.rawValue) } catch {
      // The end of the connection is found by reading, behind what the agent said last.
      writer = MessageWriter()
    }
  }

  // MARK: - Messages

  private func readControl(_ revents: Int16) throws(RuntimeError) -> Event? {
    if revents == 0 { return nil }
    if revents & Int16(POLLOUT) != 0 { flush() }
    if case .over = phase { return nil }
    let result = try checked { () throws(ProtocolError) in
      try reader.next(from: control.rawValue)
    }
    switch result {
    case .waiting: return nil
    case .ended:
      control = nil
      switch phase {
      case .ending, .over: return nil
      default:
        end(with: .lost)
        return nil
      }
    case .message(let message): return try receive(message)
    }
  }

  /// What a message means in this phase; every other one is a fault of the guest.
  private func receive(_ message: GuestMessage) throws(RuntimeError) -> Event? {
    switch (message, phase) {
    case (.warning(let text), .requested), (.warning(let text), .attached),
      (.warning(let text), .created), (.warning(let text), .starting),
      (.warning(let text), .running):
      warnings += 1
      return warnings <= Self.warningLimit ? .warning(text) : nil
    case (.streams(let port), .requested):
      try attach(port)
      phase = .attached
      return nil
    case (.created(let pid), .attached):
      phase = .created
      for message in early { try send(message) }
      early = []
      return .created(pid: pid)
    case (.started, .starting):
      phase = .running
      return .started
    case (.failed(let failure), .requested), (.failed(let failure), .attached),
      (.failed(let failure), .created), (.failed(let failure), .starting):
      phase = .over
      streams.finish()
      control = nil
      return .failed(failure.error)
    case (.exited(let exit), .created), (.exited(let exit), .starting),
      (.exited(let exit), .running):
      end(with: .exited(code: exit.code))
      return nil
    default:
      throw fault("it sent \(message.name) where that makes no sense")
    }
  }

  private func attach(_ port: UInt32) throws(RuntimeError) {
    let connect = connect
    do throws(SystemError) {
      try streams.attach { () throws(SystemError) in try connect(port) }
    } catch { throw RuntimeError("streams of the guest's process", error, advice: Self.advice) }
  }

  /// No more is read of the connection; what is on its way of the output still comes.
  private func end(with event: Event) {
    phase = .ending(event)
    control = nil
    drain.begin(streams, isLost: event == .lost)
  }

  private func fault(_ reason: String) -> RuntimeError {
    control = nil
    phase = .over
    streams.finish()
    return Self.fault(reason)
  }

  private static func fault(_ reason: String) -> RuntimeError {
    RuntimeError("guest agent: \(reason)", advice: advice)
  }

  static let advice = "the virtual machine is damaged or hostile: swrun delete --force removes it"

  private static func checked<Value>(
    _ body: () throws(ProtocolError) -> Value
  ) throws(RuntimeError) -> Value {
    do { return try body() } catch { throw fault(error.description) }
  }

  /// As the static one, and the session is over.
  private func checked<Value>(
    _ body: () throws(ProtocolError) -> Value
  ) throws(RuntimeError) -> Value {
    do { return try body() } catch { throw fault(error.description) }
  }
}

extension Failure {
  /// The failure as this side's own.
  var error: RuntimeError { RuntimeError(message, advice: advice, exitCode: exitCode) }
}

extension Optional where Wrapped == FileDescriptor {
  /// The number; -1 for none, which poll(2) passes over.
  var rawValue: CInt {
    switch self {
    case .some(let descriptor): descriptor.rawValue
    case .none: -1
    }
  }
}
