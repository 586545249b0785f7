/// How a message travels: eight bytes of header, then its payload.
///
/// The header is the payload's length (u32), the message's kind (u16) and the version (u16), all
/// little-endian; see specs/guest-protocol.md.
public enum Frame {
  /// The version of all messages; a peer of another version is refused.
  public static let version: UInt16 = 1
  static let headerSize = 8

  struct Header: Equatable {
    var length: Int
    var kind: UInt16
    var version: UInt16

    /// The header in the first eight of `bytes`; nil when there are fewer.
    init?(_ bytes: [UInt8]) {
      if bytes.count < Frame.headerSize { return nil }
      length =
        Int(bytes[0]) | Int(bytes[1]) << 8 | Int(bytes[2]) << 16 | Int(bytes[3]) << 24
      kind = UInt16(bytes[4]) | UInt16(bytes[5]) << 8
      version = UInt16(bytes[6]) | UInt16(bytes[7]) << 8
    }
  }

  /// A frame of a payload whose length was checked.
  static func encode(kind: UInt16, _ payload: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(headerSize + payload.count)
    let length = UInt32(truncatingIfNeeded: payload.count)
    for shift: UInt32 in [0, 8, 16, 24] {
      bytes.append(UInt8(truncatingIfNeeded: length >> shift))
    }
    for half in [kind, version] {
      bytes.append(UInt8(truncatingIfNeeded: half))
      bytes.append(UInt8(truncatingIfNeeded: half >> 8))
    }
    bytes.append(contentsOf: payload)
    return bytes
  }
}

/// The messages of one direction: what a stream of frames is made of.
public protocol FramedMessage {
  /// The most bytes that a payload of `kind` may have; nil for a kind that does not exist.
  static func limit(of kind: UInt16) -> Int?

  /// The message of a payload; fails for a kind that does not exist and for what is no such
  /// message.
  init(kind: UInt16, payload: [UInt8]) throws(ProtocolError)

  var kind: UInt16 { get }
  /// The name in errors, as specs/guest-protocol.md has it. It costs the first of a process more than all of
  /// its message, for the runtime finds the name of a case by reflection.
  var name: String { get }
  func payload() -> [UInt8]
}

extension FramedMessage {
  /// The message as a frame; fails when it is larger than the peer accepts.
  public func encode() throws(ProtocolError) -> [UInt8] {
    try Self.encode(kind: kind, payload: payload(), name)
  }

  static func encode(
    kind: UInt16, payload: [UInt8], _ name: @autoclosure () -> String
  ) throws(ProtocolError) -> [UInt8] {
    let limit = Self.limit(of: kind) ?? 0
    if payload.count > limit {
      throw .tooLarge(name(), size: payload.count, limit: limit)
    }
    return Frame.encode(kind: kind, payload)
  }
}
