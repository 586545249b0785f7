/// The name of an object's member, held in place so that `case "cwd":` allocates nothing.
public struct JSONKey: Sendable {
  /// The longest name that can match a pattern, in bytes; no name of a specification is as long.
  @usableFromInline static let capacity = 40

  /// The bytes, the first one lowest, when it is no longer than a name that can match.
  @usableFromInline var words: InlineArray<5, UInt64>
  /// The length of the name in bytes.
  @usableFromInline var count: Int

  init() {
    words = InlineArray(repeating: 0)
    count = 0
  }

  /// A name that stands in the text as it is.
  init(_ text: RawSpan, _ range: Range<Int>) {
    self.init()
    let start = range.lowerBound
    guard range.count <= Self.capacity, start + Self.capacity <= text.byteCount else {
      for offset in range {
        append(unsafe text.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
      }
      return
    }
    // What follows the name is taken with it, and never looked at.
    for index in words.indices {
      words[index] = unsafe UInt64(
        littleEndian: text.unsafeLoadUnaligned(
          fromUncheckedByteOffset: start + 8 * index, as: UInt64.self))
    }
    count = range.count
  }

  mutating func append(_ byte: UInt8) {
    if count < Self.capacity { words[count >> 3] |= UInt64(byte) << UInt64(8 * (count & 7)) }
    count += 1
  }

  @inlinable public static func ~= (pattern: StaticString, key: JSONKey) -> Bool {
    let count = pattern.utf8CodeUnitCount
    guard count == key.count, count <= capacity else { return false }
    let start = unsafe pattern.utf8Start
    for index in 0..<count {
      let byte = UInt8(truncatingIfNeeded: key.words[index >> 3] >> UInt64(8 * (index & 7)))
      if unsafe start[index] != byte { return false }
    }
    return true
  }
}
