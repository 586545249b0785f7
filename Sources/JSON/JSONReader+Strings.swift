extension JSONReader {
  /// Reads a string; fails on invalid UTF-8, lone surrogates and, unless accepted, U+0000.
  public mutating func string() throws(JSONError) -> String {
    guard peek() == UInt8(ascii: "\"") else { throw expected("a string") }
    var isASCII = true
    let start = position + 1
    let end = endOfPlainText(from: start, &isASCII)
    guard end < bytes.count, bytes[end] == UInt8(ascii: "\"") else {
      return try stringWithEscapes()
    }
    let text = try checkedText(start..<end)
    position = end + 1
    needsComma = true
    return text
  }

  /// Reads a string and returns the range of its text, without making one; fails on one that has
  /// escapes.
  public mutating func plainString() throws(JSONError) -> Range<Int> {
    guard peek() == UInt8(ascii: "\"") else { throw expected("a string") }
    var isASCII = true
    let start = position + 1
    let end = endOfPlainText(from: start, &isASCII)
    guard end < bytes.count, bytes[end] == UInt8(ascii: "\"") else {
      throw expected("a string without escapes")
    }
    if !isASCII { try checkUTF8(start..<end) }
    position = end + 1
    needsComma = true
    return start..<end
  }

  /// The offset of the first quote, backslash or control character, or the end of the file.
  ///
  /// Eight bytes are looked at at once: most of a file is text.
  private func endOfPlainText(from start: Int, _ isASCII: inout Bool) -> Int {
    let low: UInt64 = 0x0101_0101_0101_0101
    let high = low << 7
    let raw = unsafe bytes.bytes
    var index = start
    var seen: UInt64 = 0
    while index + 8 <= raw.byteCount {
      let word = unsafe UInt64(
        littleEndian: raw.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self))
      // The lowest marked byte is one that is looked for; above it others may be marked by a borrow.
      let quote = word ^ (low &* UInt64(UInt8(ascii: "\"")))
      let backslash = word ^ (low &* UInt64(UInt8(ascii: "\\")))
      let marks =
        ((quote &- low) & ~quote | (backslash &- low) & ~backslash
          | (word &- (low &* 0x20)) & ~word) & high
      if marks != 0 {
        seen |= word & ((marks & (0 &- marks)) &- 1)
        if seen & high != 0 { isASCII = false }
        return index + marks.trailingZeroBitCount / 8
      }
      seen |= word
      index += 8
    }
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
      seen |= UInt64(byte)
      index += 1
    }
    if seen & high != 0 { isASCII = false }
    return index
  }

  /// Reads the name of a member; what is too long to be known keeps its length alone.
  mutating func readKey() throws(JSONError) -> JSONKey {
    guard peek() == UInt8(ascii: "\"") else { throw expected("a name in quotes") }
    var isASCII = true
    let start = position + 1
    let end = endOfPlainText(from: start, &isASCII)
    if end < bytes.count, bytes[end] == UInt8(ascii: "\""), isASCII {
      position = end + 1
      return JSONKey(unsafe bytes.bytes, start..<end)
    }
    // A name outside ASCII or with escapes is rare: it is read again with all the checks.
    var key = JSONKey()
    let accepted = acceptsNUL
    acceptsNUL = true
    defer { acceptsNUL = accepted }
    for byte in try stringWithEscapes().utf8 { key.append(byte) }
    return key
  }

  /// Skips a string with all checks of its form.
  mutating func skipString() throws(JSONError) {
    let start = position + 1
    var index = start
    var isASCII = true
    while true {
      index = endOfPlainText(from: index, &isASCII)
      guard index < bytes.count else { throw endedInString() }
      switch bytes[index] {
      case UInt8(ascii: "\""):
        if !isASCII { try checkUTF8(start..<index) }
        position = index + 1
        needsComma = true
        return
      case UInt8(ascii: "\\"): _ = try escape(&index)
      default: throw controlCharacter(at: index)
      }
    }
  }

  /// The text is gathered as bytes: to make a string of each piece costs more than all else.
  private mutating func stringWithEscapes() throws(JSONError) -> String {
    let quote = position
    var index = position + 1
    var text: [UInt8] = []
    while true {
      var isASCII = true
      let run = index
      index = endOfPlainText(from: run, &isASCII)
      guard index < bytes.count else { throw endedInString() }
      let byte = bytes[index]
      if byte < 0x20 { throw controlCharacter(at: index) }
      if !isASCII { try checkUTF8(run..<index) }
      unsafe bytes.extracting(run..<index).withUnsafeBufferPointer {
        unsafe text.append(contentsOf: $0)
      }
      if byte == UInt8(ascii: "\"") {
        position = index + 1
        needsComma = true
        return String(decoding: text, as: UTF8.self)
      }
      let scalar = try escape(&index)
      if scalar.value == 0, !acceptsNUL {
        throw JSONError(offset: quote, reason: "a string must not contain a NUL character")
      }
      if scalar.isASCII {
        text.append(UInt8(truncatingIfNeeded: scalar.value))
      } else {
        text.append(contentsOf: UTF8.encode(scalar)!)
      }
    }
  }

  /// Reads the escape at `index` and moves `index` behind it.
  private func escape(_ index: inout Int) throws(JSONError) -> Unicode.Scalar {
    let start = index
    guard index + 1 < bytes.count else { throw endedInString() }
    let kind = bytes[index + 1]
    index += 2
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(kind)
    case UInt8(ascii: "b"): return "\u{08}"
    case UInt8(ascii: "f"): return "\u{0C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): break
    default:
      throw JSONError(offset: start, reason: "unknown escape \(excerpt(start..<start + 2))")
    }
    let unit = try hexadecimal(&index)
    if let scalar = Unicode.Scalar(UInt32(unit)) { return scalar }
    // A character outside the basic plane stands as two escapes (RFC 8259, section 7).
    if unit < 0xDC00, index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
      bytes[index + 1] == UInt8(ascii: "u")
    {
      index += 2
      let low = try hexadecimal(&index)
      if (0xDC00...0xDFFF).contains(low) {
        let value = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
        if let scalar = Unicode.Scalar(value) { return scalar }
      }
    }
    throw JSONError(
      offset: start, reason: "\(excerpt(start..<start + 6)) is half of a surrogate pair")
  }

  private func hexadecimal(_ index: inout Int) throws(JSONError) -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard index < bytes.count else { throw endedInString() }
      let digit = bytes[index]
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt16(digit - 0x30)
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt16(digit - 0x57)
      case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt16(digit - 0x37)
      default: throw JSONError(offset: index, reason: "expected 4 hexadecimal digits after \\u")
      }
      index += 1
    }
    return value
  }

  func checkedText(_ range: Range<Int>) throws(JSONError) -> String {
    do { return String(copying: try UTF8Span(validating: bytes.extracting(range))) } catch {
      throw invalidUTF8(at: range.lowerBound + error.byteOffsets.lowerBound)
    }
  }

  private func checkUTF8(_ range: Range<Int>) throws(JSONError) {
    do { _ = try UTF8Span(validating: bytes.extracting(range)) } catch {
      throw invalidUTF8(at: range.lowerBound + error.byteOffsets.lowerBound)
    }
  }

  private func invalidUTF8(at offset: Int) -> JSONError {
    JSONError(offset: offset, reason: "invalid UTF-8 in a string")
  }

  private func controlCharacter(at offset: Int) -> JSONError {
    JSONError(
      offset: offset,
      reason: "a control character (\(bytes[offset])) in a string must be escaped")
  }

  private func endedInString() -> JSONError {
    JSONError(offset: bytes.count, reason: "the file ends inside a string")
  }
}
