/// What somebody else's program wrote, for messages: its bytes are its own choice, so lines are cut
/// and hold no control characters.
public struct ConsoleText: Sendable {
  /// Characters of a line that are kept.
  private static let longestLine = 400

  private let bytes: [UInt8]

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The last `count` lines, without empty ones; empty when there are none.
  public func lastLines(_ count: Int) -> String {
    bytes.split(separator: 0x0a).suffix(count).map(Self.printable).filter { !$0.isEmpty }
      .joined(separator: "\n")
  }

  /// The rest of the first line that has the marker, from the marker on.
  public func firstLine(from marker: StaticString) -> String? {
    for line in bytes.split(separator: 0x0a) {
      if let place = Self.find(marker, in: line) { return Self.printable(line[place...]) }
    }
    return nil
  }

  /// The first place of the marker, by whose bytes it is found.
  private static func find(_ marker: StaticString, in line: ArraySlice<UInt8>) -> Int? {
    let wanted = Array(marker.description.utf8)
    guard line.count >= wanted.count else { return nil }
    return (line.startIndex...line.endIndex - wanted.count).first {
      line[$0..<$0 + wanted.count].elementsEqual(wanted)
    }
  }

  /// Printable characters of a line; terminal sequences (ECMA-48, 5.4) are left out whole.
  private static func printable(_ line: ArraySlice<UInt8>) -> String {
    var kept: [UInt8] = []
    var index = line.startIndex
    while index < line.endIndex, kept.count < longestLine {
      let byte = line[index]
      index += 1
      if byte == 0x1b, index < line.endIndex, line[index] == UInt8(ascii: "[") {
        index += 1
        while index < line.endIndex, !(0x40...0x7e).contains(line[index]) { index += 1 }
        if index < line.endIndex { index += 1 }
      } else if byte == 0x09 {
        kept.append(0x20)
      } else if byte >= 0x20, byte < 0x7f {
        kept.append(byte)
      } else if byte >= 0x80 {
        kept.append(UInt8(ascii: "?"))
      }
    }
    return String(decoding: kept, as: UTF8.self)
  }
}
