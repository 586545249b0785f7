/// Where a fault stands in a JSON text, as a person looks for it.
public struct JSONPlace: Sendable, Equatable {
  /// The line, from 1.
  public var line: Int
  /// The property, such as `mounts[3].options[0]`; empty for the text as a whole.
  public var path: String

  /// A step from a value to one that it holds.
  public enum Step: Sendable, Equatable {
    case member(String)
    case element(Int)
  }

  /// Finds the place of a fault by walking the text again up to it.
  public init(of error: JSONError, in bytes: Span<UInt8>) {
    let offset = min(error.offset, bytes.count)
    line = Self.line(at: offset, in: bytes)
    var steps = Self.steps(to: offset, in: bytes)
    if let missing = error.missing { steps.append(.member(missing)) }
    path = Self.path(steps)
  }

  /// Finds the line of the value at `steps`, or of the last value on the way that exists.
  public static func line(of steps: [Step], in bytes: Span<UInt8>) -> Int {
    guard var reader = try? JSONReader(bytes, maximumSize: .max) else { return 1 }
    var offset = reader.valueOffset()
    for step in steps {
      guard let found = try? find(step, &reader) else { break }
      offset = found
      reader.position = offset
    }
    return line(at: offset, in: bytes)
  }

  /// `mounts[3].options[0]`; a name that is no identifier stands in brackets and quotes.
  public static func path(_ steps: [Step]) -> String {
    // What nests deeper than any document of the specification is hostile: the ends are enough.
    if steps.count > 32 {
      return path(Array(steps.prefix(16))) + " … " + path(Array(steps.suffix(8)))
    }
    var text = ""
    for step in steps {
      switch step {
      case .element(let index): text += "[\(index)]"
      case .member(let name):
        if name.utf8.allSatisfy(isIdentifier), !name.isEmpty {
          text += text.isEmpty ? name : ".\(name)"
        } else {
          text += "[\"\(printable(name, limit: 64))\"]"
        }
      }
    }
    return text
  }

  /// The text of a range in at most `limit` bytes, without characters that move a cursor.
  static func printable(_ bytes: Span<UInt8>, _ range: Range<Int>, limit: Int) -> String {
    let range = range.clamped(to: 0..<bytes.count)
    // One byte more than the limit tells that there is more.
    var copy: [UInt8] = []
    for index in range.prefix(limit + 1) { copy.append(bytes[index]) }
    return printable(String(decoding: copy, as: UTF8.self), limit: limit)
  }

  /// A text in at most `limit` bytes, without characters that move a cursor or the line.
  public static func printable(_ hostile: String, limit: Int) -> String {
    var text = ""
    for scalar in hostile.unicodeScalars {
      if text.utf8.count >= limit { return text + "…" }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: text += "\u{FFFD}"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  private static func isIdentifier(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  private static func line(at offset: Int, in bytes: Span<UInt8>) -> Int {
    var line = 1
    for index in 0..<offset where bytes[index] == UInt8(ascii: "\n") { line += 1 }
    return line
  }

  /// Enters the value at the reader's position and returns the offset of what `step` names.
  ///
  /// Of members with the same name it is the last, which is the one that was kept.
  private static func find(_ step: Step, _ reader: inout JSONReader) throws(JSONError) -> Int? {
    var found: Int?
    reader.acceptsNUL = true
    switch step {
    case .member(let name):
      try reader.beginObject()
      while let key = try reader.nextStringKey() {
        if key == name { found = reader.valueOffset() }
        try reader.skip()
      }
    case .element(let wanted):
      try reader.beginArray()
      var index = 0
      while try reader.nextElement() {
        if index == wanted { found = reader.valueOffset() }
        try reader.skip()
        index += 1
      }
    }
    return found
  }

  /// The steps to the value that holds `offset`, in a text that is well-formed up to there.
  private static func steps(to offset: Int, in bytes: Span<UInt8>) -> [Step] {
    /// An open level: its element, or the range of its member's name once that was read.
    enum Level {
      case array(Int)
      case object(Range<Int>?)
    }
    var levels: [Level] = []
    var expectsName = false
    var index = 0
    while index < offset {
      let byte = bytes[index]
      index += 1
      switch byte {
      case UInt8(ascii: "{"):
        levels.append(.object(nil))
        expectsName = true
      case UInt8(ascii: "["):
        levels.append(.array(0))
        expectsName = false
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        _ = levels.popLast()
        expectsName = false
      case UInt8(ascii: ","):
        switch levels.last {
        case .array(let element): levels[levels.count - 1] = .array(element + 1)
        case .object:
          levels[levels.count - 1] = .object(nil)
          expectsName = true
        case nil: break
        }
      case UInt8(ascii: "\""):
        let start = index
        while index < offset, bytes[index] != UInt8(ascii: "\"") {
          index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        let end = min(index, offset)
        index += 1
        // A fault inside the name itself belongs to the object.
        if expectsName, index <= offset { levels[levels.count - 1] = .object(start..<end) }
        expectsName = false
      default: break
      }
    }
    var steps: [Step] = []
    for level in levels {
      switch level {
      case .array(let element): steps.append(.element(element))
      case .object(let name?): steps.append(.member(printable(bytes, name, limit: 64)))
      case .object(nil): break
      }
    }
    return steps
  }
}
