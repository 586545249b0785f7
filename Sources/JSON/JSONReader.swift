/// Reads a JSON text (RFC 8259) from lent memory, value by value, without building a tree.
///
/// An object is read with `beginObject`, then `nextKey` until it is `nil`, with exactly one value
/// read or skipped after each key; an array likewise with `beginArray` and `nextElement`. A key
/// that stands twice is reported twice: a caller that assigns keeps the last, as Go does.
public struct JSONReader: ~Copyable, ~Escapable {
  /// The depth of objects and arrays that is accepted; Go has the same limit.
  public static let maximumDepth = 10_000
  /// The size of a text that is accepted, in bytes; a larger one is refused before it is read.
  public static let maximumSize = 16 << 20

  @usableFromInline let bytes: Span<UInt8>
  /// The offset of the next byte to read.
  public internal(set) var position = 0
  /// The objects and arrays that are open.
  var depth = 0
  /// True after a value, where a comma or an end has to follow.
  @usableFromInline var needsComma = false
  /// True where a string may hold U+0000; false where it goes to the kernel, which would cut it.
  public var acceptsNUL = false

  /// Fails on a text that is too large, starts with a byte order mark or is UTF-16.
  @_lifetime(copy bytes)
  public init(_ bytes: Span<UInt8>, maximumSize: Int = JSONReader.maximumSize) throws(JSONError) {
    self.bytes = bytes
    if bytes.count > maximumSize {
      throw JSONError(
        offset: 0, reason: "is \(bytes.count) bytes long, more than the limit of \(maximumSize)")
    }
    if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF {
      throw JSONError(offset: 0, reason: "starts with a byte order mark, which JSON does not allow")
    }
    if bytes.count >= 2, bytes[0] == 0 || bytes[1] == 0 || bytes[0] >= 0xFE {
      throw JSONError(offset: 0, reason: "is not in UTF-8")
    }
  }

  /// Fails when anything but white space follows.
  public mutating func finish() throws(JSONError) {
    guard peek() == nil else { throw expected("the end of the file") }
  }

  // MARK: - Objects and arrays

  /// Enters an object and returns its offset.
  @discardableResult
  public mutating func beginObject() throws(JSONError) -> Int {
    guard peek() == UInt8(ascii: "{") else { throw expected("an object") }
    return try open()
  }

  /// Enters an array and returns its offset.
  @discardableResult
  public mutating func beginArray() throws(JSONError) -> Int {
    guard peek() == UInt8(ascii: "[") else { throw expected("an array") }
    return try open()
  }

  /// The name of the next member, or `nil` after the object has ended.
  public mutating func nextKey() throws(JSONError) -> JSONKey? {
    // What a compact text has between two members, and before a value, needs no search.
    let next = position + 1
    if needsComma, next < bytes.count, bytes[position] == UInt8(ascii: ","),
      bytes[next] == UInt8(ascii: "\"")
    {
      position = next
      needsComma = false
    } else if try !nextMember() {
      return nil
    }
    let key = try readKey()
    if position < bytes.count, bytes[position] == UInt8(ascii: ":") {
      position += 1
      needsComma = false
    } else {
      try readColon()
    }
    return key
  }

  /// Goes on behind `text` when it stands here, byte for byte: what is known of a file that was
  /// written as `JSONWriter` does needs no search. The caller sees to it that it is whole tokens, and
  /// that a value follows.
  public mutating func take(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard count <= bytes.count - position else { return false }
    let known = unsafe UnsafeRawPointer(text.utf8Start)
    let raw = unsafe bytes.bytes
    var index = 0
    while index + 8 <= count {
      if unsafe known.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        != raw.unsafeLoadUnaligned(fromUncheckedByteOffset: position + index, as: UInt64.self)
      {
        return false
      }
      index += 8
    }
    while index < count {
      if unsafe known.load(fromByteOffset: index, as: UInt8.self) != bytes[position + index] {
        return false
      }
      index += 1
    }
    position += count
    needsComma = false
    return true
  }

  /// As `take` of a text, of one byte.
  @inline(__always)
  public mutating func take(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    needsComma = false
    return true
  }

  /// Whether a range has this text.
  public func has(_ text: StaticString, at range: Range<Int>) -> Bool {
    guard range.count == text.utf8CodeUnitCount else { return false }
    for index in 0..<range.count {
      if unsafe text.utf8Start[index] != bytes[range.lowerBound + index] { return false }
    }
    return true
  }

  /// The same as `nextKey` for an object whose names are data.
  public mutating func nextStringKey() throws(JSONError) -> String? {
    guard try nextMember() else { return nil }
    guard peek() == UInt8(ascii: "\"") else { throw expected("a name in quotes") }
    let key = try string()
    try readColon()
    return key
  }

  /// True when the array has another element; false after the array has ended.
  public mutating func nextElement() throws(JSONError) -> Bool {
    let byte = peek()
    if byte == UInt8(ascii: "]") {
      close()
      return false
    }
    guard needsComma else { return true }
    guard byte == UInt8(ascii: ",") else { throw expected("',' or ']' after an element") }
    position += 1
    needsComma = false
    if peek() == UInt8(ascii: "]") { throw expected("an element after ','") }
    return true
  }

  private mutating func nextMember() throws(JSONError) -> Bool {
    let byte = peek()
    if byte == UInt8(ascii: "}") {
      close()
      return false
    }
    guard needsComma else { return true }
    guard byte == UInt8(ascii: ",") else { throw expected("',' or '}' after a member") }
    position += 1
    needsComma = false
    if peek() == UInt8(ascii: "}") { throw expected("a member after ','") }
    return true
  }

  mutating func readColon() throws(JSONError) {
    guard peek() == UInt8(ascii: ":") else { throw expected("':' after a name") }
    position += 1
    needsComma = false
  }

  private mutating func open() throws(JSONError) -> Int {
    depth += 1
    if depth > Self.maximumDepth { throw tooDeep() }
    defer { position += 1 }
    needsComma = false
    return position
  }

  private mutating func close() {
    depth -= 1
    position += 1
    needsComma = true
  }

  // MARK: - Scalars

  /// Reads `true` or `false`.
  public mutating func bool() throws(JSONError) -> Bool {
    switch peek() {
    case UInt8(ascii: "t"):
      try literal("true")
      return true
    case UInt8(ascii: "f"):
      try literal("false")
      return false
    default: throw expected("true or false")
    }
  }

  /// Reads `null` if it is next.
  public mutating func null() throws(JSONError) -> Bool {
    guard peek() == UInt8(ascii: "n") else { return false }
    try literal("null")
    return true
  }

  mutating func literal(_ text: StaticString) throws(JSONError) {
    let count = text.utf8CodeUnitCount
    for index in 0..<count {
      guard position + index < bytes.count else { throw endedInValue() }
      if unsafe text.utf8Start[index] != bytes[position + index] { throw expected("a value") }
    }
    position += count
    needsComma = true
  }

  /// The next byte that is no white space, which stays unread; `nil` at the end.
  @inline(__always)
  mutating func peek() -> UInt8? {
    while position < bytes.count {
      let byte = bytes[position]
      guard byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D else { return byte }
      position += 1
    }
    return nil
  }
}
