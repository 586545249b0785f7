internal import CLinux
internal import GuestProtocol
internal import Linux

/// All streams of one process, between its pipes or its terminal and the host's connections.
final class StreamRelay {
  private let pumps: [Pump]
  /// The pumps that copy what the process writes.
  private let outputs: [Pump]
  /// A slave side of our own: the terminal lives on while the process has it closed. Gone after a
  /// hang-up.
  private let terminal: SharedDescriptor

  /// The connections of the host, by the stream's number.
  typealias Connections = [UInt8: SharedDescriptor]

  init(pipes: StandardStreams.Pipes, _ connections: Connections) throws(RuntimeError) {
    terminal = .closed
    let (input, output, error) = try step("streams") { () throws(SystemError) in
      (
        try Pump(
          .intoProcess, from: Self.take(connections[0]), to: Self.take(pipes.input)),
        try Pump(
          .fromProcess, from: Self.take(pipes.output), to: Self.take(connections[1])),
        try Pump(
          .fromProcess, from: Self.take(pipes.error), to: Self.take(connections[2]))
      )
    }
    pumps = [input, output, error]
    outputs = [output, error]
  }

  init(
    terminal master: SharedDescriptor, _ connections: Connections
  ) throws(RuntimeError) {
    let (input, output, slave) = try step("terminal") { () throws(SystemError) in
      let connection = try Self.take(connections[0])
      let other = try connection.duplicate()
      let master = try Self.take(master)
      let reader = try master.duplicate()
      let slave = FileDescriptor(
        owning: try system("ioctl", "TIOCGPTPEER") {
          cl_pty_peer(master.rawValue, O_RDWR | O_NOCTTY | O_CLOEXEC)
        })
      return (
        try Pump(.intoProcess, from: connection, to: master),
        try Pump(.fromProcess, from: reader, to: other),
        SharedDescriptor(slave)
      )
    }
    terminal = slave
    pumps = [input, output]
    outputs = [output]
  }

  private static func take(
    _ shared: SharedDescriptor?
  ) throws(SystemError) -> FileDescriptor {
    guard let descriptor = shared?.take() else { throw SystemError(EBADF, "take", "stream") }
    return descriptor
  }

  private var hasTerminal: Bool { terminal.rawValue >= 0 }

  /// Gives the terminal its size; nothing happens without one.
  func resize(_ size: WindowSize) {
    if hasTerminal { Self.resize(terminal.rawValue, size) }
  }

  static func resize(_ terminal: CInt, _ size: WindowSize) {
    var window = winsize()
    window.ws_row = size.rows
    window.ws_col = size.columns
    _ = unsafe cl_set_window_size(terminal, &window)
  }

  /// What poll(2) is to wait for; as many each time.
  func wanted() -> [pollfd] { pumps.flatMap { $0.wanted() } }

  /// Copies what poll(2) found to be possible.
  func move(_ polled: ArraySlice<pollfd>) {
    let first = polled.startIndex
    for (place, pump) in pumps.enumerated() {
      pump.move(polled[first + 2 * place], polled[first + 2 * place + 1])
    }
    // The host has closed its side, or sent its end: a terminal's end of input is a character.
    if hasTerminal && pumps.contains(where: \.isFinished) { hangUp() }
  }

  /// Closes the terminal: its processes get SIGHUP and the end of their input.
  private func hangUp() {
    for pump in pumps { pump.cut() }
    terminal.close()
  }

  /// The most that the streams of a process hold once it has ended; what comes then is from
  /// others, that outlive it.
  private static let restLimit: UInt64 = 1 << 20

  /// The process has ended: copies what it wrote before, then ends the streams. `wait` waits for
  /// what is wanted and returns false to give up.
  func finish(_ wait: ([pollfd]) throws(RuntimeError) -> [pollfd]?) throws(RuntimeError) {
    let limit = outputs.reduce(Self.restLimit) { $0 &+ $1.copied }
    while true {
      var moved = false
      for pump in outputs { moved = pump.takeRest() || moved }
      let copied = outputs.reduce(0) { $0 &+ $1.copied }
      if moved && copied < limit { continue }
      if !outputs.contains(where: \.waitsForSink) { break }
      let sinks = outputs.flatMap { $0.waitsForSink ? $0.wanted() : Self.nothing }
      guard let found = try wait(sinks) else { break }
      for (place, pump) in outputs.enumerated() {
        pump.move(found[2 * place], found[2 * place + 1])
      }
      if copied >= limit && !outputs.contains(where: \.waitsForSink) { break }
    }
    for pump in pumps { pump.finish() }
  }

  private static let nothing = [
    pollfd(fd: -1, events: 0, revents: 0), pollfd(fd: -1, events: 0, revents: 0),
  ]
}
