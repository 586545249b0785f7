import JSON
import Testing

@Suite struct PlaceTests {
  @Test func pathsAndLines() {
    #expect(
      fault("{\n\"a\": {\n\"b\": [0,\n{\"c\": x}]}}", as: Skipped.self).hasPrefix("4 a.b[1].c: "))
    #expect(fault("{\"a\": 1,\n\"b\" 2}", as: Skipped.self).hasPrefix("2 b: expected ':'"))
    #expect(fault("{\"a\": 1,\nb: 2}", as: Skipped.self).hasPrefix("2 : expected a name in quotes"))
    #expect(fault("[[1, 2], [3, 4, x]]", as: Skipped.self).hasPrefix("1 [1][2]: "))
    #expect(
      fault("{\"a.b\": {\"c d\": {\"\": x}}}", as: Skipped.self).hasPrefix(
        #"1 ["a.b"]["c d"][""]: "#))
    #expect(fault("{\"a\": {}, \"b\": [], \"c\": x}", as: Skipped.self).hasPrefix("1 c: "))
    #expect(fault("{\"}]\\\"\": [\"{[,\", x]}", as: Skipped.self).hasPrefix(#"1 ["}]\""][1]: "#))
    #expect(fault("{\"a\": 1} x", as: Skipped.self).hasPrefix("1 : expected the end of the file"))
  }

  @Test func missingMembersExtendThePath() {
    let text = Array("[{\n\"x\": 1}]".utf8)
    let error = JSONError(offset: 1, reason: "is missing", missing: "y")
    #expect(JSONPlace(of: error, in: text.span).path == "[0].y")
  }

  @Test func linesOfValues() {
    let text = Array(
      """
      {
        "a": {"b": 1},
        "list": [
          {"b": 2},
          {
            "b": 3
          }
        ],
        "a": {
          "b": 4
        }
      }
      """.utf8)
    func line(_ steps: JSONPlace.Step...) -> Int { JSONPlace.line(of: steps, in: text.span) }
    #expect(line() == 1)
    #expect(line(.member("list"), .element(0), .member("b")) == 4)
    #expect(line(.member("list"), .element(1), .member("b")) == 6)
    // Of two members the last is the one that was kept.
    #expect(line(.member("a"), .member("b")) == 10)
    // What does not exist has the line of what would hold it.
    #expect(line(.member("list"), .element(1), .member("z")) == 5)
    #expect(line(.member("list"), .element(9)) == 3)
    #expect(line(.member("nothing")) == 1)
  }

  @Test func pathsOfSteps() {
    #expect(
      JSONPlace.path([.member("linux"), .member("sysctl"), .member("net.x"), .element(1)])
        == #"linux.sysctl["net.x"][1]"#)
    #expect(JSONPlace.path([.element(0), .member("a")]) == "[0].a")
    #expect(JSONPlace.path([.member("a\nb")]) == "[\"a\u{FFFD}b\"]")
  }
}
