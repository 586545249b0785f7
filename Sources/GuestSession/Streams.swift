internal import CLinux
internal import Linux

/// The streams of the guest's process: three, or a terminal that is one.
struct Streams: ~Copyable {
  private let terminal: Bool
  private let stdio: (input: CInt, output: CInt, error: CInt)
  /// Opened before a jail takes /dev away; -1 when there is none.
  private let null: CInt

  /// When the host's error stream is let go of, whose guest's side was closed. Not at once: the end
  /// of a machine closes it too, and why it ended is still to be said there.
  private(set) var errorDeadline = Deadline.never
  private static let errorGrace = 1000

  private var hostInput: RelayStream?
  private var hostOutput: RelayStream?
  private var hostError: RelayStream?
  private var input: StreamPump?
  private var output: StreamPump?
  private var error: StreamPump?

  init(terminal: Bool, stdio: (input: CInt, output: CInt, error: CInt)) {
    self.terminal = terminal
    self.stdio = stdio
    null = unsafe cl_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0)
    hostInput = RelayStream(reopening: stdio.input, O_RDONLY)
    hostOutput = RelayStream(reopening: stdio.output, O_WRONLY)
    hostError = terminal ? nil : RelayStream(reopening: stdio.error, O_WRONLY)
  }

  deinit { if null >= 0 { _ = cl_close(null) } }

  /// Connects each stream to the guest; the first byte of a connection says which one it is.
  mutating func attach(
    _ connect: () throws(SystemError) -> FileDescriptor
  ) throws(SystemError) {
    guard let hostInput = hostInput.take(), let hostOutput = hostOutput.take() else { return }
    let first = try connect()
    if terminal {
      let second = try first.duplicate()
      input = try Self.pump(index: 0, from: hostInput, to: first)
      output = try Self.pump(from: second, to: hostOutput)
      return
    }
    input = try Self.pump(index: 0, from: hostInput, to: first)
    output = try Self.pump(index: 1, from: connect(), to: hostOutput)
    if let hostError = hostError.take() {
      error = try Self.pump(index: 2, from: connect(), to: hostError)
    }
  }

  private static func pump(
    index: UInt8, from host: consuming RelayStream, to guest: consuming FileDescriptor
  ) throws(SystemError) -> StreamPump {
    try guest.writeAll([index], "stream \(index)")
    return StreamPump(.intoGuest, from: host, to: try RelayStream(owning: guest))
  }

  private static func pump(
    index: UInt8? = nil, from guest: consuming FileDescriptor, to host: consuming RelayStream
  ) throws(SystemError) -> StreamPump {
    if let index { try guest.writeAll([index], "stream \(index)") }
    return StreamPump(.fromGuest, from: try RelayStream(owning: guest), to: host)
  }

  /// What the copies wait for; as many each time.
  func wanted() -> [pollfd] {
    var polled: [pollfd] = []
    polled += Self.wanted(input)
    polled += Self.wanted(output)
    polled += Self.wanted(error)
    return polled
  }

  private static func wanted(_ pump: StreamPump?) -> [pollfd] {
    let none = pollfd(fd: -1, events: 0, revents: 0)
    guard let pump else { return [none, none] }
    let (source, sink) = pump.wanted()
    return [source, sink]
  }

  /// Copies what `wanted` said and poll(2) found; true when something moved.
  mutating func move(_ polled: [pollfd]) -> Bool {
    var moved = false
    for (place, pump) in [input, output, error].enumerated() {
      guard let pump, !pump.isFinished else { continue }
      moved = pump.move(polled[2 * place], polled[2 * place + 1]) || moved
      guard pump.isFinished else { continue }
      if !terminal {
        if place == 2 {
          errorDeadline = Deadline(milliseconds: Self.errorGrace)
        } else {
          letGo([stdio.input, stdio.output][place])
        }
      } else if pump.hostHasEnded {
        // The end of a terminal's input is a hang-up: its end of file is a character.
        input?.hangUp()
        output?.hangUp()
      }
    }
    return moved
  }

  /// To be called while the guest's process is known to live.
  mutating func letGoOfErrorWhenDue() {
    guard errorDeadline.isOver else { return }
    errorDeadline = .never
    letGo(stdio.error)
  }

  /// The guest's process has closed its side: whoever is at ours must see it.
  private func letGo(_ number: CInt) {
    if number > 2 {
      _ = cl_close(number)
    } else if null >= 0 {
      // A standard number that is free would be taken by the next file that is opened.
      _ = cl_dup3(null, number, 0)
    }
  }

  /// Ends all copies.
  func finish() {
    input?.finish()
    output?.finish()
    error?.finish()
  }

  /// Whether all output was copied.
  var outputIsFinished: Bool {
    (output?.isFinished ?? true) && (error?.isFinished ?? true)
  }

  /// Whether some output waits for the host's reader.
  var waitsForHost: Bool {
    (output?.waitsForSink ?? false) || (error?.waitsForSink ?? false)
  }

  /// Bytes that came from the guest.
  var received: UInt64 { (output?.copied ?? 0) &+ (error?.copied ?? 0) }

  /// The size of our terminal.
  func windowSize() -> (rows: UInt16, columns: UInt16)? {
    var size = winsize()
    guard terminal, unsafe cl_get_window_size(stdio.input, &size) == 0 else { return nil }
    return (size.ws_row, size.ws_col)
  }
}
