internal import CLinux
internal import Linux

/// Messages on their way into a stream socket, without ever waiting for the peer.
public struct MessageWriter<Message: FramedMessage> {
  /// Most bytes that are kept for a peer that does not read, beyond the one message that may be
  /// as large as it likes.
  private static var limit: Int { 1 << 20 }

  private var bytes: [UInt8] = []
  private var start = 0

  public init() {}

  /// Whether all was handed to the kernel.
  public var isEmpty: Bool { start == bytes.count }

  /// Fails when the peer has left too much unread, or when the message is too large.
  public mutating func add(_ message: Message) throws(ProtocolError) {
    try add(frame: message.encode())
  }

  /// As above, for a frame that was encoded before.
  public mutating func add(frame: [UInt8]) throws(ProtocolError) {
    if bytes.count - start > Self.limit { throw .notReading(limit: Self.limit) }
    bytes.removeFirst(start)
    start = 0
    bytes += frame
  }

  /// Hands over what the socket takes now.
  public mutating func flush(to socket: CInt) throws(ProtocolError) {
    while start < bytes.count {
      let sent = unsafe bytes.withUnsafeBytes {
        unsafe cl_send(socket, $0.baseAddress! + start, $0.count - start, true)
      }
      switch sent {
      case 0...: start += sent
      case -Int(EINTR): break
      case -Int(EAGAIN): return
      default: throw .system(SystemError(CInt(-sent), "send"))
      }
    }
    bytes = []
    start = 0
  }

  /// Sends one message and waits until the kernel has it; for the side that trusts its peer.
  public static func send(_ message: Message, to socket: CInt) throws(ProtocolError) {
    let bytes = try message.encode()
    var start = 0
    while start < bytes.count {
      let sent = unsafe bytes.withUnsafeBytes {
        unsafe cl_send(socket, $0.baseAddress! + start, $0.count - start, false)
      }
      switch sent {
      case 0...: start += sent
      case -Int(EINTR): break
      default: throw .system(SystemError(CInt(-sent), "send"))
      }
    }
  }
}
