import CLinux
import GuestProtocol
import GuestSession
import Linux

/// An agent that says whatever the input is, on every connection that the host opens to it: the
/// session ends in the time that its caller gives it, in bounded memory.
///
/// The input is a list of pieces: a byte whose lower three bits name a connection, whose next bit
/// says that the connection ends behind the piece, and a length of two bytes; then the piece.
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  _ = cl_ignore_signal(SIGPIPE)
  let null = cl_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0)
  let streams = (cl_dup(null), cl_dup(null), cl_dup(null))
  run(Array(UnsafeBufferPointer(start: start, count: count)), streams)
  // Those whose end the guest did not see are still open; nothing else was opened since.
  for fd in [streams.0, streams.1, streams.2, null] { _ = cl_close(fd) }
  return 0
}

private func run(_ bytes: [UInt8], _ streams: (CInt, CInt, CInt)) {
  let agent = Agent(bytes)
  let session = GuestSession(
    connect: { port throws(SystemError) in agent.connect() }, terminal: bytes.first == 255,
    stdio: (input: streams.0, output: streams.1, error: streams.2))
  do throws(RuntimeError) {
    try session.exec(ExecRequest())
    var events = 0
    // A guest that says nothing is waited for by the caller alone.
    var silence = 0
    while silence < 3, events < 1000 {
      agent.advance()
      switch try session.next(timeout: 0) {
      case .created: try session.start()
      case .started:
        try session.signal(15)
        try session.resize(rows: 1, columns: 2)
      case .failed, .exited, .lost: return
      case .timeout: silence += agent.isSilent ? 1 : 0
      case .warning, .readable: break
      }
      events += 1
    }
  } catch {
    precondition("\(error)".utf8.count < 20_000)
  }
}

private final class Agent {
  private var rest: ArraySlice<UInt8>
  private var ends: [SharedDescriptor] = []

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  var isSilent: Bool { rest.isEmpty }

  func connect() -> FileDescriptor {
    var fds: (CInt, CInt) = (-1, -1)
    let result = withUnsafeMutableBytes(of: &fds) {
      cl_socketpair(
        cl_sock_type(0) | cl_sock_cloexec(), $0.assumingMemoryBound(to: CInt.self).baseAddress!)
    }
    precondition(result == 0)
    ends.append(SharedDescriptor(FileDescriptor(owning: fds.1)))
    return FileDescriptor(owning: fds.0)
  }

  /// Says the next piece.
  func advance() {
    guard rest.count >= 3, let head = rest.popFirst(), let low = rest.popFirst(),
      let high = rest.popFirst()
    else {
      rest = []
      return
    }
    let piece = Array(rest.prefix(Int(low) | Int(high) << 8))
    rest = rest.dropFirst(piece.count)
    let number = Int(head & 7)
    guard number < ends.count else { return }
    _ = piece.withUnsafeBytes { bytes in
      bytes.isEmpty ? 0 : cl_send(ends[number].rawValue, bytes.baseAddress!, bytes.count, true)
    }
    if head & 8 != 0 { ends[number].close() }
  }
}
