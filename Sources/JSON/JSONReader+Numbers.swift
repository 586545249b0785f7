extension JSONReader {
  /// Whether the next value is a number.
  public var isAtNumber: Bool {
    mutating get {
      guard let byte = peek() else { return false }
      return byte == UInt8(ascii: "-") || isDigit(byte)
    }
  }

  /// Reads an integer of at most 64 bits; a fraction, an exponent or a value out of range is an
  /// error.
  @inlinable public mutating func integer<Value: FixedWidthInteger>(
    _ type: Value.Type = Value.self
  ) throws(JSONError) -> Value {
    // Generic where it is called alone: there it is made for the type.
    Value(
      truncatingIfNeeded: try integer(
        from: Int64(truncatingIfNeeded: Value.min), to: UInt64(truncatingIfNeeded: Value.max)))
  }

  /// Reads an integer from `least`, which is negative for a signed type alone, to `most`; returns its
  /// two's complement.
  @usableFromInline mutating func integer(
    from least: Int64, to most: UInt64
  ) throws(JSONError) -> UInt64 {
    let name = least < 0 ? "an integer" : "an unsigned integer"
    guard let byte = peek(), byte == UInt8(ascii: "-") || isDigit(byte) else {
      throw expected(name)
    }
    let start = position
    let number = try scanNumber()
    guard number.isInteger, !number.isNegative || least < 0 else {
      throw JSONError(offset: start, reason: "expected \(name), found \(excerpt(at: start))")
    }
    guard let magnitude = number.magnitude,
      magnitude <= (number.isNegative ? least.magnitude : most)
    else {
      throw JSONError(
        offset: start,
        reason: "expected an integer from \(least) to \(most), found \(excerpt(at: start))")
    }
    needsComma = true
    return number.isNegative ? 0 &- magnitude : magnitude
  }

  /// A number's parts; `magnitude` is `nil` when it is more than 64 bits hold.
  struct Number {
    var isNegative = false
    var isInteger = true
    var magnitude: UInt64? = 0
  }

  /// Reads a number by the grammar of RFC 8259, section 6.
  mutating func scanNumber() throws(JSONError) -> Number {
    var number = Number()
    let start = position
    if byte(at: position) == UInt8(ascii: "-") {
      number.isNegative = true
      position += 1
    }
    let first = position
    while let byte = byte(at: position), isDigit(byte) {
      if let magnitude = number.magnitude {
        let (product, high) = magnitude.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
        number.magnitude = high || carry ? nil : sum
      }
      position += 1
    }
    guard position > first else { throw lacksDigits(from: start) }
    // A number does not start with 0 unless it is all of the integer.
    if bytes[first] == UInt8(ascii: "0"), position > first + 1 { throw malformed(from: start) }
    if byte(at: position) == UInt8(ascii: ".") {
      position += 1
      try skipDigits(of: start)
      number.isInteger = false
    }
    if let byte = byte(at: position), byte | 0x20 == UInt8(ascii: "e") {
      position += 1
      if let sign = self.byte(at: position), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-")
      {
        position += 1
      }
      try skipDigits(of: start)
      number.isInteger = false
    }
    return number
  }

  private mutating func skipDigits(of start: Int) throws(JSONError) {
    let first = position
    while let byte = byte(at: position), isDigit(byte) { position += 1 }
    if position == first { throw lacksDigits(from: start) }
  }

  @inline(__always)
  private func byte(at index: Int) -> UInt8? { index < bytes.count ? bytes[index] : nil }

  private func lacksDigits(from start: Int) -> JSONError {
    position == bytes.count ? endedInValue() : malformed(from: start)
  }

  private func malformed(from start: Int) -> JSONError {
    JSONError(offset: start, reason: "\(excerpt(at: start)) is not a number of JSON")
  }
}

@inline(__always)
func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
