extension JSONReader {
  /// `expected a string, found 3`, at the next byte that is no white space.
  mutating func expected(_ what: String) -> JSONError {
    let byte = peek()
    let found =
      switch byte {
      case nil: "the end of the file"
      case UInt8(ascii: "{"): "an object"
      case UInt8(ascii: "["): "an array"
      default: excerpt(at: position)
      }
    return JSONError(offset: position, reason: "expected \(what), found \(found)")
  }

  /// A fault of the value that was read at `offset`, such as one that is not known.
  public func invalid(_ reason: String, at offset: Int) -> JSONError {
    JSONError(offset: offset, reason: reason)
  }

  /// A fault of the string at `offset`, which is none of those that are known.
  public func unknown(_ known: [String], at offset: Int) -> JSONError {
    let names = known.map { "\"\($0)\"" }.joined(separator: ", ")
    return invalid("expected one of \(names), found \(excerpt(at: offset))", at: offset)
  }

  /// The value of a property that the object at `offset` must have.
  public func require<Value>(
    _ value: Value?, _ name: String, in offset: Int
  ) throws(JSONError) -> Value {
    guard let value else { throw JSONError(offset: offset, reason: "is missing", missing: name) }
    return value
  }

  /// The offset of the next value.
  public mutating func valueOffset() -> Int {
    _ = peek()
    return position
  }

  func endedInValue() -> JSONError {
    JSONError(offset: bytes.count, reason: "the file ends inside a value")
  }

  func tooDeep() -> JSONError {
    JSONError(offset: position, reason: "is nested deeper than \(Self.maximumDepth) levels")
  }

  /// The token at `start`, shortened and fit for a terminal.
  func excerpt(at start: Int) -> String {
    guard start < bytes.count else { return "the end of the file" }
    var end = start + 1
    if bytes[start] == UInt8(ascii: "\"") {
      while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
        end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1
      }
      end += 1
    } else if isWord(bytes[start]) {
      while end < bytes.count, isWord(bytes[end]) { end += 1 }
    }
    return excerpt(start..<end)
  }

  /// The bytes of `range`, shortened and fit for a terminal.
  func excerpt(_ range: Range<Int>) -> String {
    JSONPlace.printable(bytes, range, limit: 48)
  }

  private func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"),
      UInt8(ascii: "."), UInt8(ascii: "_"):
      true
    default: byte >= 0x80
    }
  }
}
