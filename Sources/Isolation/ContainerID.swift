public import Linux

/// A container's name, checked as runc checks it: it is one path component of harmless letters.
public struct ContainerID: Equatable, Sendable, CustomStringConvertible {
  public let value: String

  /// Letters, digits, `_ + - . ,`; neither empty nor `.` nor `..`; at most 255 bytes, the
  /// longest name of a directory.
  public init(_ value: String) throws(RuntimeError) {
    if value.isEmpty { throw RuntimeError("container id cannot be empty") }
    guard Self.isValid(value.utf8.span) else {
      throw RuntimeError(
        "invalid container id \(value.prefix(300).debugDescription)",
        advice: "an id has 1 to 255 letters, digits or any of _ + - . ,")
    }
    self.value = value
  }

  static func isValid(_ value: Span<UInt8>) -> Bool {
    for index in value.indices {
      switch value[index] {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
        UInt8(ascii: "+")...UInt8(ascii: "."):
        continue
      default: return false
      }
    }
    switch value.count {
    case 0: return false
    case 1: return value[0] != UInt8(ascii: ".")
    case 2: return value[0] != UInt8(ascii: ".") || value[1] != UInt8(ascii: ".")
    default: return value.count <= 255
    }
  }

  public var description: String { value }
}
