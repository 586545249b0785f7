public import Linux

/// Why a session between host and guest cannot go on.
public enum ProtocolError: Error, Equatable, CustomStringConvertible {
  /// The peer speaks another version.
  case version(UInt16)
  /// No message of that kind exists in that direction.
  case kind(UInt16)
  case tooLarge(String, size: Int, limit: Int)
  /// The payload is not what its kind says.
  case malformed(String, reason: String)
  /// The stream ended inside a message.
  case truncated
  /// More messages wait for the peer than are kept.
  case notReading(limit: Int)
  case system(SystemError)

  public var description: String {
    switch self {
    case .version(let version):
      "a message of version \(version), which is not \(Frame.version)"
    case .kind(let kind): "a message of the unknown kind \(kind)"
    case .tooLarge(let name, let size, let limit):
      "a message \(name) of \(size) bytes, more than the limit of \(limit)"
    case .malformed(let name, let reason): "a message \(name) that is none: \(reason)"
    case .truncated: "the connection ended inside a message"
    case .notReading(let limit): "the other side leaves \(limit) bytes of messages unread"
    case .system(let error): "\(error)"
    }
  }
}
