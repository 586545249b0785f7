extension [UInt8] {
  /// The bytes as hexadecimal digits in ASCII, two for each byte and in lower case.
  public var hexadecimalDigits: [UInt8] {
    var digits: [UInt8] = []
    digits.reserveCapacity(2 * count)
    for byte in self {
      digits.append(Self.digit(byte >> 4))
      digits.append(Self.digit(byte & 15))
    }
    return digits
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") - 10 + value
  }
}

extension String {
  /// The bytes as hexadecimal digits, two for each byte and in lower case.
  public init(hexadecimal bytes: [UInt8]) {
    self.init(decoding: bytes.hexadecimalDigits, as: UTF8.self)
  }
}
