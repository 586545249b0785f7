internal import CLinux
public import Linux

/// The host's way to a guest's vsock ports: a unix stream socket that asks for the port first,
/// as Firecracker's does.
public enum VsockSocket {
  /// The longest answer to `CONNECT PORT`, in bytes.
  private static let answerLimit = 32

  /// A connection to `port` of the guest behind the socket at `path`; its descriptor does not
  /// block.
  ///
  /// ETIMEDOUT when the virtual machine or its agent does not answer in `timeout` milliseconds,
  /// ECONNREFUSED when nobody listens at that port.
  public static func connect(
    _ path: String, port: UInt32, timeout: Int = 10_000
  ) throws(SystemError) -> FileDescriptor {
    let socket = FileDescriptor(
      owning: try system("socket") {
        cl_socket(AF_UNIX, cl_sock_type(0) | cl_sock_cloexec() | O_NONBLOCK, 0)
      })
    // With O_NONBLOCK a queue that nobody serves is EAGAIN instead of a wait without end.
    try system("connect", path) { unsafe cl_unix_connect(socket.rawValue, path) }
    try socket.writeAll(Array("CONNECT \(port)\n".utf8), path)
    let deadline = Deadline(milliseconds: timeout)
    var answer: [UInt8] = []
    while answer.last != UInt8(ascii: "\n") {
      // Byte by byte: what follows the line belongs to the connection.
      var byte: UInt8 = 0
      switch unsafe cl_recv(socket.rawValue, &byte, 1, true) {
      case 1: answer.append(byte)
      case 0, -Int(ECONNRESET): throw SystemError(ECONNREFUSED, "connect", "vsock port \(port)")
      case -Int(EINTR): break
      case -Int(EAGAIN):
        var polled = pollfd(fd: socket.rawValue, events: Int16(POLLIN), revents: 0)
        let ready = unsafe cl_poll(&polled, 1, deadline.pollTimeout)
        if ready == 0 && deadline.isOver {
          throw SystemError(ETIMEDOUT, "connect", "vsock port \(port)")
        }
      case let result: throw SystemError(CInt(-result), "recv", path)
      }
      if answer.count > answerLimit { throw SystemError(EPROTO, "connect", path) }
    }
    guard answer.starts(with: "OK ".utf8) else { throw SystemError(EPROTO, "connect", path) }
    return socket
  }
}

/// A moment of the monotonic clock; nil is never.
struct Deadline: Sendable {
  let nanoseconds: Int64?

  static let never = Deadline(nanoseconds: nil)

  private init(nanoseconds: Int64?) { self.nanoseconds = nanoseconds }

  /// So many milliseconds from now; a negative number is never.
  init(milliseconds: Int) {
    nanoseconds =
      milliseconds < 0
      ? nil : cl_monotonic_ns() &+ Int64(min(milliseconds, 1 << 40)) &* 1_000_000
  }

  var isOver: Bool { nanoseconds.map { cl_monotonic_ns() >= $0 } ?? false }

  /// What is left of it for poll(2), rounded up.
  var pollTimeout: CInt {
    guard let nanoseconds else { return -1 }
    return CInt(clamping: max(0, (nanoseconds - cl_monotonic_ns() + 999_999) / 1_000_000))
  }

  func earlier(_ other: Deadline) -> Deadline {
    guard let mine = nanoseconds else { return other }
    guard let others = other.nanoseconds else { return self }
    return mine < others ? self : other
  }
}
