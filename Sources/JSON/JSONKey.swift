/// The name of an object's member, held in place so that `case "cwd":` allocates nothing.
public struct JSONKey: Sendable {
  /// The longest name that can match a pattern, in bytes; no name of a specification is as long.
  @usableFromInline static let capacity = 40

  @usableFromInline var bytes: InlineArray<40, UInt8>
  /// The length of the name in bytes, which may be more than what is held.
  @usableFromInline var count: Int

  @inlinable init() {
    bytes = InlineArray(repeating: 0)
    count = 0
  }

  @inlinable mutating func append(_ byte: UInt8) {
    if count < Self.capacity { bytes[count] = byte }
    count += 1
  }

  @inlinable public static func ~= (pattern: StaticString, key: JSONKey) -> Bool {
    let count = pattern.utf8CodeUnitCount
    guard count == key.count, count <= capacity else { return false }
    let start = unsafe pattern.utf8Start
    for index in 0..<count where unsafe start[index] != key.bytes[index] { return false }
    return true
  }
}
