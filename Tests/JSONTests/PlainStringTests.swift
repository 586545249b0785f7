import JSON
import Testing

/// Strings are looked at by eight bytes at once: each character at each place.
@Suite struct PlainStringTests {
  /// The text of a string that has no escapes.
  struct Plain: JSONValue {
    var text: String

    init(_ json: inout JSONReader) throws(JSONError) {
      text = try json.text(try json.plainString())
    }

    func write(to json: inout JSONWriter) { json.string(text) }
  }

  @Test func eachCharacterAtEachPlace() {
    for length in 1..<34 {
      for place in 0..<length {
        for (character, plain, valid) in [
          ("\\n", false, true), ("\u{1F}", false, false), ("\u{0}", false, false),
          ("\u{20}", true, true), ("\u{7F}", true, true), ("!", true, true), ("#", true, true),
          ("[", true, true), ("]", true, true), ("é", true, true),
        ] {
          var text = Array(String(repeating: "a", count: length).utf8)
          text.replaceSubrange(place...place, with: character.utf8)
          let bytes = [UInt8(ascii: "\"")] + text + [UInt8(ascii: "\"")]
          let expected = character == "\\n" ? nil : String(decoding: text, as: UTF8.self)
          #expect((try? read(bytes, as: Plain.self))?.text == (plain ? expected : nil))
          #expect((try? read(bytes, as: Skipped.self) != nil) == (valid ? true : nil))
          if valid, plain { #expect(try! read(bytes, as: String.self) == expected) }
        }
      }
    }
  }

  @Test func whatIsNoUTF8IsRefusedAtEachPlace() {
    for length in 1..<34 {
      for place in 0..<length {
        for byte: UInt8 in [0x80, 0xBF, 0xC3, 0xFF] {
          var bytes = Array("\"\(String(repeating: "a", count: length))\"".utf8)
          bytes[1 + place] = byte
          #expect(throws: JSONError.self) { try read(bytes, as: Plain.self) }
          #expect(throws: JSONError.self) { try read(bytes, as: Skipped.self) }
          #expect(throws: JSONError.self) { try read(bytes, as: String.self) }
        }
      }
    }
  }

  @Test func aTextThatEndsIsRefusedAtEachPlace() {
    for length in 0..<34 {
      let bytes = [UInt8(ascii: "\"")] + [UInt8](repeating: UInt8(ascii: "a"), count: length)
      #expect(throws: JSONError.self) { try read(bytes, as: Plain.self) }
      #expect(throws: JSONError.self) { try read(bytes, as: Skipped.self) }
    }
  }
}
