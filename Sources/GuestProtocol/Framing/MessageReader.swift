internal import CLinux
internal import Linux

/// Takes messages off a stream socket, as they come.
///
/// It reads no byte beyond the message that it returns, and keeps no more than that one; the
/// length that the peer claims is checked before a byte of the payload is read, and no memory is
/// taken for bytes that did not come.
public struct MessageReader<Message: FramedMessage> {
  public enum Result {
    case message(Message)
    /// The rest of the message has not come yet.
    case waiting
    /// The peer closed its side between two messages.
    case ended
  }

  private var header: [UInt8] = []
  private var payload: [UInt8] = []
  /// Nil until the header was read and found right.
  private var expected: (kind: UInt16, length: Int)?

  private static var chunk: Int { 1 << 16 }

  public init() {}

  /// The next message. Without `waits` it returns `waiting` instead of blocking, whatever the
  /// socket's flags are.
  public mutating func next(
    from socket: CInt, waits: Bool = false
  ) throws(ProtocolError) -> Result {
    while true {
      if let expected, payload.count == expected.length {
        let message = try Message(kind: expected.kind, payload: payload)
        header = []
        payload = []
        self.expected = nil
        return .message(message)
      }
      let wanted =
        expected.map { min($0.length - payload.count, Self.chunk) }
        ?? Frame.headerSize - header.count
      guard let bytes = try Self.receive(socket, wanted, waits) else { return .waiting }
      if bytes.isEmpty {
        if header.isEmpty { return .ended }
        throw .truncated
      }
      if expected == nil {
        header += bytes
        if let complete = Frame.Header(header) { expected = try Self.check(complete) }
      } else {
        payload += bytes
      }
    }
  }

  private static func check(
    _ header: Frame.Header
  ) throws(ProtocolError) -> (kind: UInt16, length: Int) {
    if header.version != Frame.version { throw .version(header.version) }
    guard let limit = Message.limit(of: header.kind) else { throw .kind(header.kind) }
    if header.length > limit {
      throw .tooLarge("of kind \(header.kind)", size: header.length, limit: limit)
    }
    return (header.kind, header.length)
  }

  /// Nil when nothing is there yet; empty at the end.
  private static func receive(
    _ socket: CInt, _ wanted: Int, _ waits: Bool
  ) throws(ProtocolError) -> [UInt8]? {
    var result = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
      repeat {
        result = unsafe cl_recv(socket, buffer.baseAddress!, wanted, !waits)
      } while result == -Int(EINTR)
      filled = max(0, result)
    }
    switch result {
    case 0...: return bytes
    case -Int(EAGAIN): return nil
    // A peer that was reset is as gone as one that closed.
    case -Int(ECONNRESET): return []
    default: throw .system(SystemError(CInt(-result), "recv"))
    }
  }
}
