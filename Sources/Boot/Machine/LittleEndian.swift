/// Bytes that grow by values in the order in which x86 keeps them.
struct LittleEndianWriter {
  private(set) var bytes: [UInt8] = []

  init() {}
  /// Zeros, to be filled by `set`.
  init(zeros count: Int) { bytes = [UInt8](repeating: 0, count: count) }

  mutating func append<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) {
    for index in 0..<(Value.bitWidth / 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index)))
    }
  }

  mutating func append(_ more: [UInt8]) { bytes += more }

  /// ASCII, cut or filled with spaces to `count` bytes.
  mutating func append(_ text: String, count: Int) {
    let text = Array(text.utf8.prefix(count))
    bytes += text + [UInt8](repeating: UInt8(ascii: " "), count: count - text.count)
  }

  /// Overwrites what is at an offset; the offset is the program's own, never a file's.
  mutating func set<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value, at offset: Int) {
    for index in 0..<(Value.bitWidth / 8) {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
    }
  }

  /// Zeros up to a multiple of `alignment`.
  mutating func align(to alignment: Int) {
    while bytes.count % alignment != 0 { bytes.append(0) }
  }
}

extension [UInt8] {
  /// The value at an offset that a file stated; nil when it is not all there.
  func value<Value: FixedWidthInteger & UnsignedInteger>(at offset: Int, as type: Value.Type)
    -> Value?
  {
    let width = Value.bitWidth / 8
    guard offset >= 0, count >= width, offset <= count - width else { return nil }
    var result: Value = 0
    for index in 0..<width { result |= Value(self[offset + index]) << Value(8 * index) }
    return result
  }
}
