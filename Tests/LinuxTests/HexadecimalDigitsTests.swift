import Testing

@testable import Linux

@Suite struct HexadecimalDigitsTests {
  @Test func twoForEachByte() {
    let bytes: [UInt8] = [0x00, 0x09, 0x0a, 0x9f, 0xa0, 0xff]
    #expect(String(decoding: bytes.hexadecimalDigits, as: UTF8.self) == "00090a9fa0ff")
    #expect(String(hexadecimal: bytes) == "00090a9fa0ff")
    #expect([UInt8]().hexadecimalDigits.isEmpty)
    for byte in UInt8.min ... .max {
      #expect(UInt8(String(decoding: [byte].hexadecimalDigits, as: UTF8.self), radix: 16) == byte)
    }
  }
}
