import Testing

@testable import JSON

@Suite struct JSONTextsTests {
  @Test func aNameHasOneText() {
    var texts: JSONTexts = ["b": "1", "a": "2", "b": "3"]
    #expect(texts.map(\.key) == ["a", "b"])
    #expect(texts["b"] == "3")
    texts["a"] = nil
    texts["c"] = nil
    texts[""] = "4"
    #expect(texts.keys == ["", "b"])
    #expect(texts["a"] == nil)
    #expect(texts == ["b": "3", "": "4"])
    #expect(texts.mapValues { $0 + "x" } == ["b": "3x", "": "4x"])
    #expect(JSONTexts().isEmpty)
    #expect(JSONTexts(firstOf: [("b", "1"), ("a", "2"), ("b", "3")]) == ["a": "2", "b": "1"])
  }

  @Test func readAndWrittenAsADictionary() throws {
    let dictionary = ["": "/c", "memory": "/m", "cpu,cpuacct": "/x\"\n", "é": "ü"]
    var writer = JSONWriter()
    dictionary.write(to: &writer)
    let bytes = writer.bytes
    var reader = try JSONReader(bytes.span)
    let texts = try JSONTexts(&reader)
    #expect(texts.count == dictionary.count)
    for (key, value) in dictionary { #expect(texts[key] == value) }
    var again = JSONWriter()
    texts.write(to: &again)
    #expect(again.bytes == writer.bytes)
  }

  @Test(arguments: ["[]", #"{"a": 1}"#, #"{"a": null}"#, #"{"a""#])
  func othersAreRefused(text: String) {
    #expect(throws: JSONError.self) {
      let bytes = Array(text.utf8)
      var reader = try JSONReader(bytes.span)
      _ = try JSONTexts(&reader)
    }
  }
}
