extension JSONReader {
  /// Skips a value, with all checks of its form, and returns the range of its text.
  ///
  /// It keeps one bit a level instead of calling itself: no text can exhaust the stack.
  @discardableResult
  public mutating func skip() throws(JSONError) -> Range<Int> {
    let first = peek()
    let start = position
    var levels = Levels()
    var next = first
    while true {
      switch next {
      case UInt8(ascii: "{"):
        try enter(&levels, object: true)
        if peek() != UInt8(ascii: "}") {
          next = try skipKey()
          continue
        }
      case UInt8(ascii: "["):
        try enter(&levels, object: false)
        next = peek()
        if next != UInt8(ascii: "]") { continue }
      case UInt8(ascii: "\""): try skipString()
      case UInt8(ascii: "t"): try literal("true")
      case UInt8(ascii: "f"): try literal("false")
      case UInt8(ascii: "n"): try literal("null")
      case .some(let byte) where byte == UInt8(ascii: "-") || isDigit(byte): _ = try scanNumber()
      default: throw expected("a value")
      }
      guard let following = try leave(&levels) else {
        needsComma = true
        return start..<position
      }
      next = following
    }
  }

  /// The text of a range that `skip` returned.
  public func text(_ range: Range<Int>) throws(JSONError) -> String {
    try checkedText(range)
  }

  /// Ends levels after a value; returns the start of the next value, or `nil` at the last end.
  private mutating func leave(_ levels: inout Levels) throws(JSONError) -> UInt8?? {
    while let isObject = levels.top {
      switch peek() {
      case UInt8(ascii: ","):
        position += 1
        return .some(isObject ? try skipKey() : peek())
      case UInt8(ascii: "}") where isObject, UInt8(ascii: "]") where !isObject:
        position += 1
        depth -= 1
        levels.pop()
      default:
        throw expected(isObject ? "',' or '}' after a member" : "',' or ']' after an element")
      }
    }
    return nil
  }

  private mutating func enter(_ levels: inout Levels, object: Bool) throws(JSONError) {
    depth += 1
    if depth > Self.maximumDepth { throw tooDeep() }
    levels.push(object)
    position += 1
  }

  /// Skips a name and its colon and returns the start of the value.
  private mutating func skipKey() throws(JSONError) -> UInt8? {
    guard peek() == UInt8(ascii: "\"") else { throw expected("a name in quotes") }
    try skipString()
    try readColon()
    return peek()
  }
}

/// Which of the open levels are objects: a stack of bits whose first 64 need no memory.
struct Levels {
  private var count = 0
  private var low: UInt64 = 0
  private var full: [UInt64] = []

  /// True for an object, false for an array, `nil` when none is open.
  var top: Bool? { count == 0 ? nil : low & 1 == 1 }

  mutating func push(_ isObject: Bool) {
    if count > 0, count % 64 == 0 { full.append(low) }
    low = low << 1 | (isObject ? 1 : 0)
    count += 1
  }

  mutating func pop() {
    count -= 1
    if count > 0, count % 64 == 0 { low = full.removeLast() } else { low >>= 1 }
  }
}
