import Testing

@testable import Linux

@Suite struct DecimalTests {
  @Test func asTheStandardLibraryHasIt() {
    var numbers: [Int] = [0, 9, 10, 99, 100, -1, -9, -10, .max, .min, .max - 1, .min + 1]
    for shift in 0..<63 { numbers += [1 << shift, (1 << shift) - 1, -(1 << shift)] }
    for _ in 0..<1000 { numbers.append(Int.random(in: .min ... .max) >> Int.random(in: 0..<63)) }
    for number in numbers { #expect(String(decimal: number) == "\(number)") }
  }
}
