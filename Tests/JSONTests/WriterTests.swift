import Foundation
import JSON
import Testing

@Suite struct WriterTests {
  private func write(indent: String? = nil, _ body: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter(indent: indent)
    body(&writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private func document(_ json: inout JSONWriter) {
    json.beginObject()
    json.member("a", 1)
    json.member("absent", Int?.none)
    json.member("list", ["x", "y"])
    json.member("empty", [String]())
    json.member("none", [Int](), omitting: [])
    json.key("o")
    json.beginObject()
    json.endObject()
    json.member("map", ["b": true, "a": false])
    json.key("n")
    json.null()
    json.key("raw")
    json.raw("{\"x\":1}")
    json.endObject()
  }

  @Test func compact() {
    #expect(
      write(document)
        == #"{"a":1,"list":["x","y"],"empty":[],"o":{},"map":{"a":false,"b":true},"#
        + #""n":null,"raw":{"x":1}}"#)
  }

  /// The text is what `json.MarshalIndent(v, "", "\t")` makes of the same value.
  @Test func indentedAsGoDoesIt() {
    #expect(
      write(indent: "\t", document) == """
        {
        \t"a": 1,
        \t"list": [
        \t\t"x",
        \t\t"y"
        \t],
        \t"empty": [],
        \t"o": {},
        \t"map": {
        \t\t"a": false,
        \t\t"b": true
        \t},
        \t"n": null,
        \t"raw": {"x":1}
        }
        """)
  }

  @Test func arraysOfObjects() {
    #expect(
      write(indent: "  ") { json in
        json.beginArray()
        for number in [1, 2] {
          json.beginObject()
          json.member("n", number)
          json.endObject()
        }
        json.endArray()
        json.endLine()
      } == "[\n  {\n    \"n\": 1\n  },\n  {\n    \"n\": 2\n  }\n]\n")
  }

  @Test func integers() {
    #expect(write { $0.integer(Int64.min) } == "-9223372036854775808")
    #expect(write { $0.integer(UInt64.max) } == "18446744073709551615")
    #expect(write { $0.integer(0) } == "0")
    #expect(write { $0.integer(Int8.min) } == "-128")
  }

  @Test func strings() throws {
    #expect(
      write { $0.string("\"\\/\n\r\t\u{8}\u{0}\u{1F}\u{7F}é😀") }
        == #""\"\\/\n\r\t\u0008\u0000\u001f"# + "\u{7F}é😀\"")
    #expect(write { $0.string(repairing: [0x61, 0xFF, 0x62]) } == "\"a\u{FFFD}b\"")
  }

  /// Every scalar of the basic plane comes back, from ours and from Foundation's parser.
  @Test func stringsComeBack() throws {
    var text = ""
    for value in stride(from: UInt32(0), to: 0x11000, by: 7) {
      if let scalar = Unicode.Scalar(value) { text.unicodeScalars.append(scalar) }
    }
    var writer = JSONWriter()
    writer.beginArray()
    writer.string(text)
    writer.endArray()
    let ours = try read(writer.bytes, as: [String].self, acceptsNUL: true)
    #expect(ours == [text])
    let theirs = try JSONSerialization.jsonObject(with: Data(writer.bytes)) as? [String]
    #expect(theirs?.first?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
  }
}
