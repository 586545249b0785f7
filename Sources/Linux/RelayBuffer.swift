internal import CLinux

/// Bytes on their way from one stream to another; more are read when it is empty, so a slow reader
/// slows the writer down.
public struct RelayBuffer {
  public enum Transfer { case moved, nothingYet, full, ended }

  private var bytes: [UInt8] = []
  private var start = 0
  private var end = 0

  public init() {}

  public var isEmpty: Bool { start == end }
  public var count: Int { end - start }
  public var last: UInt8? { isEmpty ? nil : bytes[end - 1] }

  public mutating func append(_ more: [UInt8]) {
    bytes = Array(bytes[start..<end]) + more
    start = 0
    end = bytes.count
  }

  /// One read into an empty buffer.
  public mutating func fill(from stream: borrowing RelayStream) -> Transfer {
    if !isEmpty { return .full }
    if bytes.count < Self.size { bytes = [UInt8](repeating: 0, count: Self.size) }
    let count = unsafe bytes.withUnsafeMutableBytes { unsafe stream.read($0) }
    if count > 0 {
      start = 0
      end = count
      return .moved
    }
    return Self.isTemporary(count) ? .nothingYet : .ended
  }

  /// One write of what is there; `ended` when nobody will ever read it.
  public mutating func drain(into stream: borrowing RelayStream) -> Transfer {
    if isEmpty { return .moved }
    let count = unsafe bytes.withUnsafeBytes {
      unsafe stream.write(UnsafeRawBufferPointer(rebasing: $0[start..<end]))
    }
    if count > 0 {
      start += count
      return .moved
    }
    return Self.isTemporary(count) ? .nothingYet : .ended
  }

  private static let size = 1 << 16

  private static func isTemporary(_ result: Int) -> Bool {
    result == -Int(EAGAIN) || result == -Int(EINTR)
  }
}
