import JSON
import Testing

/// A value of any kind that is skipped.
struct Skipped: JSONValue {
  var text: String

  init(_ json: inout JSONReader) throws(JSONError) {
    text = try json.text(try json.skip())
  }

  func write(to json: inout JSONWriter) { json.raw(text) }
}

/// What `case` patterns find in an object.
struct Keys: JSONValue {
  var found: [Int] = []

  init(_ json: inout JSONReader) throws(JSONError) {
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "cwd": found.append(try json.integer())
      case "": found.append(-(try json.integer()))
      case "é": found.append(10 * (try json.integer()))
      case "a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": found.append(try json.integer())
      default: try json.skip()
      }
    }
  }

  func write(to json: inout JSONWriter) { found.write(to: &json) }
}

/// Reads a whole text.
func read<Value: JSONValue>(
  _ bytes: [UInt8], as type: Value.Type, acceptsNUL: Bool = false
) throws(JSONError) -> Value {
  var reader = try JSONReader(bytes.span)
  reader.acceptsNUL = acceptsNUL
  let value = try Value(&reader)
  try reader.finish()
  return value
}

func read<Value: JSONValue>(
  _ text: String, as type: Value.Type, acceptsNUL: Bool = false
) throws(JSONError) -> Value {
  try read(Array(text.utf8), as: type, acceptsNUL: acceptsNUL)
}

/// The fault of a text that must be refused, as `line path: reason`.
func fault<Value: JSONValue>(
  _ bytes: [UInt8], as type: Value.Type = Skipped.self,
  sourceLocation: SourceLocation = #_sourceLocation
) -> String {
  do throws(JSONError) {
    _ = try read(bytes, as: type)
    Issue.record("accepted", sourceLocation: sourceLocation)
    return ""
  } catch {
    let place = JSONPlace(of: error, in: bytes.span)
    return "\(place.line) \(place.path): \(error.reason)"
  }
}

func fault<Value: JSONValue>(
  _ text: String, as type: Value.Type = Skipped.self,
  sourceLocation: SourceLocation = #_sourceLocation
) -> String {
  fault(Array(text.utf8), as: type, sourceLocation: sourceLocation)
}

@Suite struct NumberTests {
  @Test func limits() throws {
    #expect(try read("-2147483648", as: Int32.self) == .min)
    #expect(try read("2147483647", as: Int32.self) == .max)
    #expect(try read("65535", as: UInt16.self) == .max)
    #expect(
      try read("-9223372036854775808", as: Int64.self) == .min)
    #expect(
      try read("9223372036854775807", as: Int64.self) == .max)
    #expect(
      try read("18446744073709551615", as: UInt64.self)
        == .max)
    #expect(try read("-0", as: Int32.self) == 0)
  }

  @Test(arguments: [
    "9223372036854775808", "-9223372036854775809", "18446744073709551616",
    "-18446744073709551616", "99999999999999999999999999999999999999999",
  ]) func outOfRange(text: String) {
    #expect(
      fault(text, as: Int64.self)
        == "1 : expected an integer from -9223372036854775808 to 9223372036854775807, found "
        + text)
  }

  @Test func smallTypesAreChecked() {
    #expect(
      fault("4294967296", as: UInt32.self)
        == "1 : expected an integer from 0 to 4294967295, found 4294967296")
    #expect(
      fault("-1", as: UInt32.self)
        == "1 : expected an unsigned integer, found -1")
  }

  @Test(arguments: ["1.0", "1e3", "1E+2", "0.5", "-1.5", "true", "\"1\"", "null", "[1]", ""])
  func onlyIntegersAreIntegers(text: String) {
    #expect(
      fault(text, as: Int.self)
        .contains("expected an integer, found"))
  }

  @Test(arguments: ["01 ", "-01", "1. ", "1.e3", "1e ", "1e+ ", "00 ", "-a", "- "])
  func malformed(text: String) {
    #expect(fault(text, as: Int.self).contains("is not a number of JSON"))
    #expect(fault(text, as: Skipped.self).contains("is not a number of JSON"))
  }

  @Test(arguments: ["-", "1.", "1e", "1e+", "t", "tru", "fals", "n", "[nul"])
  func cutOff(text: String) {
    #expect(
      fault(text, as: Skipped.self) == "1 \(text.first == "[" ? "[0]" : ""): "
        + "the file ends inside a value")
  }

  @Test(arguments: ["+1", ".5", "NaN", "Infinity", "0x10", "1_000", "1 2"])
  func othersAreNoJSON(text: String) {
    #expect(fault(text, as: Skipped.self).contains("expected"))
  }
}

@Suite struct StringTests {
  @Test func escapes() throws {
    #expect(
      try read(#""\"\\\/\b\f\n\r\t\u00e9\u20AC""#, as: String.self) == "\"\\/\u{8}\u{c}\n\r\té€")
    #expect(try read(#""a\ud83d\ude00b""#, as: String.self) == "a😀b")
    #expect(try read("\"é€😀\u{10FFFF}\"", as: String.self) == "é€😀\u{10FFFF}")
    #expect(try read("\"\"", as: String.self) == "")
    #expect(try read("\"\u{7F}\"", as: String.self) == "\u{7F}")
  }

  @Test(arguments: [
    #""\ud83d""#, #""\ude00""#, #""\ud83d\ud83d""#, #""\ud83dx""#, #""\ud83d\n""#,
  ]) func halvesOfSurrogatePairs(text: String) {
    #expect(fault(text, as: String.self).contains("is half of a surrogate pair"))
    #expect(fault(text, as: Skipped.self).contains("is half of a surrogate pair"))
  }

  @Test(
    arguments: [
      [0x80], [0xC0, 0x80], [0xC3], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF8, 0x88, 0x80],
      [0xF4, 0x90, 0x80, 0x80], [0xFF], [0xE2, 0x82],
    ] as [[UInt8]]) func invalidUTF8(bytes: [UInt8])
  {
    let text = Array("[\"ok\",\n\"a".utf8) + bytes + Array("b\"]".utf8)
    #expect(fault(text, as: [String].self) == "2 [1]: invalid UTF-8 in a string")
    #expect(fault(text, as: Skipped.self) == "2 [1]: invalid UTF-8 in a string")
    let escaped = Array("\"\\n".utf8) + bytes + Array("\"".utf8)
    #expect(fault(escaped, as: String.self) == "1 : invalid UTF-8 in a string")
  }

  @Test func nulIsRefusedUnlessAccepted() throws {
    #expect(
      fault(#""a\u0000b""#, as: String.self) == "1 : a string must not contain a NUL character")
    #expect(try read(#""a\u0000b""#, as: String.self, acceptsNUL: true) == "a\u{0}b")
    #expect(fault("\"a\u{0}b\"", as: String.self).contains("a control character (0)"))
    // What is not kept goes nowhere.
    #expect(throws: Never.self) { try read(#""a\u0000b""#, as: Skipped.self) }
  }

  @Test(arguments: ["\"a\nb\"", "\"a\tb\"", "\"\u{1}\"", "\"\u{1F}\""])
  func controlCharactersMustBeEscaped(text: String) {
    #expect(fault(text, as: String.self).contains("must be escaped"))
    #expect(fault(text, as: Skipped.self).contains("must be escaped"))
  }

  @Test(arguments: [
    "\"", "\"abc", "\"abc\\", "\"abc\\\"", "\"\\u", "\"\\u12", "\"\\ud83d\\", "\"\\ud83d\\u12",
  ]) func ended(text: String) {
    for message in [fault(text, as: String.self), fault(text, as: Skipped.self)] {
      #expect(
        message.contains("the file ends inside a string")
          || message.contains("half of a surrogate pair"))
    }
  }

  @Test func unknownEscapes() {
    #expect(fault(#""\x41""#, as: String.self) == #"1 : unknown escape \x"#)
    #expect(fault(#""\u12g4""#, as: String.self).contains("expected 4 hexadecimal digits"))
  }
}

@Suite struct StructureTests {
  @Test func keysAreMatchedExactly() throws {
    let text = #"{"cwd": 1, "cw": 2, "cwdd": 3, "\u0063wd": 4, "cwd\u0000": 5, "": 6, "é": 7}"#
    let found = try read(text, as: Keys.self).found
    #expect(found == [1, 4, -6, 70])
  }

  @Test func keysOfAnyLength() throws {
    for length in [1, 39, 40, 41, 64, 1000] {
      let text = "{\"" + String(repeating: "a", count: length) + "\": 0}"
      let matches = try read(text, as: Keys.self).found == [0]
      #expect(matches == (length == 1 || length == 40))
    }
  }

  @Test(arguments: [
    "[1,]", "[,1]", "[1 2]", "[1,,2]", "[1", "[", "[1,", "]", "{\"a\":1,}", "{,\"a\":1}",
    "{\"a\" 1}", "{\"a\":}", "{\"a\":1 \"b\":2}", "{\"a\"", "{\"a\":", "{\"a\":1", "{", "{a:1}",
    "{1:1}", "{\"a\":1]", "[1}", "tru", "nul", "falsy", "'a'", "[1]]", "//", "[/**/]", "[\u{B}]",
  ]) func malformed(text: String) {
    #expect(fault(text, as: Skipped.self) != "")
    #expect(
      fault(text, as: [[Int]].self) != "" && fault(text, as: [String: Int].self) != "")
  }

  @Test(arguments: [
    "[]", "{}", "[[],{}]", "{\"a\":{\"b\":[{}]}}", " [ 1 , 2.5e-3 , null ] ", "\t\r\n\"x\"\n",
    "-0.0", "{\"a\":1,\"a\":2}", "[true,false]",
  ]) func wellFormed(text: String) throws {
    #expect(throws: Never.self) { try read(text, as: Skipped.self) }
  }

  @Test func collections() throws {
    #expect(try read("[]", as: [Int].self) == [])
    #expect(try read("[1, 2,3]", as: [Int].self) == [1, 2, 3])
    #expect(
      try read(#"{"a": [true], "b": []}"#, as: [String: [Bool]].self)
        == ["a": [true], "b": []])
    #expect(
      try read(#"{"a": 1, "a": 2}"#, as: [String: Int].self) == ["a": 2])
  }

  @Test func skippedTextIsKept() throws {
    let text = try read(#" {"a": [1, "]"], "b": {}} "#, as: Skipped.self).text
    #expect(text == #"{"a": [1, "]"], "b": {}}"#)
  }

  @Test func otherEncodings() {
    #expect(fault([0xEF, 0xBB, 0xBF, 0x7B, 0x7D], as: Skipped.self).contains("byte order mark"))
    #expect(fault([0xFF, 0xFE, 0x7B, 0], as: Skipped.self).contains("is not in UTF-8"))
    #expect(fault([0x7B, 0, 0x7D, 0], as: Skipped.self).contains("is not in UTF-8"))
    #expect(fault([0, 0x7B], as: Skipped.self).contains("is not in UTF-8"))
  }
}
