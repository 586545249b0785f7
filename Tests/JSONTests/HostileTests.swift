import JSON
import Testing

/// Texts that are made to exhaust the stack, the memory or the time.
@Suite struct HostileTests {
  /// A text of `depth` levels, whole or cut off in the middle.
  private func nested(_ depth: Int, _ open: String, _ close: String, cut: Bool = false) -> [UInt8] {
    var text: [UInt8] = []
    for _ in 0..<depth { text += open.utf8 }
    if cut { return text }
    text += "0".utf8
    for _ in 0..<depth { text += close.utf8 }
    return text
  }

  @Test(arguments: [("[", "]"), ("{\"a\":", "}"), ("[{\"\":", "}]")])
  func tenThousandLevels(open: String, close: String) throws {
    let levels = open.contains("[{") ? 2 : 1
    let limit = JSONReader.maximumDepth / levels
    #expect(throws: Never.self) { try read(nested(limit, open, close), as: Skipped.self) }
    #expect(
      fault(nested(limit + 1, open, close), as: Skipped.self).hasSuffix(
        "is nested deeper than 10000 levels"))
    #expect(
      fault(nested(limit, open, close, cut: true), as: Skipped.self).hasSuffix(
        "found the end of the file"))
  }

  @Test func aMillionLevels() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
      #expect(
        fault(nested(1_000_000, open, close), as: Skipped.self)
          .hasSuffix("is nested deeper than 10000 levels"))
      #expect(
        fault(nested(1_000_000, open, close, cut: true), as: Skipped.self)
          .hasSuffix("is nested deeper than 10000 levels"))
    }
  }

  @Test func everyOrderOfLevelsEnds() throws {
    // The kinds of 200 levels in a pattern that does not repeat with the words of the stack.
    for cut in 0..<200 {
      var text = ""
      var ends: [String] = []
      for level in 0..<200 {
        let isObject = (level * level + cut) % 7 < 3
        text += isObject ? "{\"k\":" : "["
        ends.append(isObject ? "}" : "]")
      }
      let whole = text + "1" + ends.reversed().joined()
      #expect(throws: Never.self) { try read(whole, as: Skipped.self) }
      ends[cut] = ends[cut] == "}" ? "]" : "}"
      #expect(fault(text + "1" + ends.reversed().joined(), as: Skipped.self) != "")
    }
  }

  @Test func aHundredMegabytesAreRefusedUnread() {
    let text = [UInt8](repeating: UInt8(ascii: "["), count: 100_000_000)
    #expect(
      fault(text, as: Skipped.self)
        == "1 : is 100000000 bytes long, more than the limit of 16777216")
  }

  @Test func largeStringsAndArraysAreRead() throws {
    let clock = ContinuousClock()
    let size = 4_000_000
    let string = [0x22] + [UInt8](repeating: 0x61, count: size) + [0x22]
    let array =
      [0x5B] + [UInt8]((0..<(size / 2)).flatMap { _ in [0x30, 0x2C] as [UInt8] }) + [0x30, 0x5D]
    let time = try clock.measure {
      #expect(try read(string, as: String.self).utf8.count == size)
      _ = try read(array, as: Skipped.self)
      #expect(try read(array, as: [Int].self).count == size / 2 + 1)
    }
    // Far above what it takes unoptimized, far below what anything quadratic would.
    #expect(time < .seconds(30))
  }

  @Test func placesOfHostileTextsAreShortAndPrintable() {
    let name = String(repeating: "x", count: 100_000)
    let long = fault("{\"\(name)\": [1, }", as: Skipped.self)
    #expect(long.utf8.count < 300)
    let escape = fault("{\"\u{202E}\u{7F}\": \"\u{1B}[2J\"}", as: Skipped.self)
    #expect(!escape.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F })
    #expect(!escape.contains("\u{202E}"))
    let deep = fault(nested(9_000, "{\"abc\":", "}", cut: true), as: Skipped.self)
    #expect(deep.utf8.count < 300)
  }
}
