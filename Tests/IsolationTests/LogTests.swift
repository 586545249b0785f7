import Testing

@testable import Isolation

@Suite struct LogTests {
  @Test func aMessageHasNoControlCharacters() {
    #expect(Log.printable("plain, ä") == "plain, ä")
    #expect(Log.printable("a\u{1b}[1mb\rc\u{7f}") == "a\\u{1B}[1mb\\rc\\u{7F}")
  }

  @Test func furtherLinesAreNoMessagesOfTheirOwn() {
    #expect(Log.printable("first\nswrun: second\n") == "first\n  swrun: second\n  ")
  }
}
