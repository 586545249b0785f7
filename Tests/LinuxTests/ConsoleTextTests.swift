import Linux
import Testing

@Suite struct ConsoleTextTests {
  private func text(_ string: String) -> ConsoleText { ConsoleText(Array(string.utf8)) }

  @Test func theFirstLineWithAMarkerFromThereOn() {
    let console = text(
      "[ 0.1] one\n[ 0.5] Kernel panic - \u{1b}[31mwhy\r\n end Kernel panic - why\n")
    #expect(console.firstLine(from: "Kernel panic") == "Kernel panic - why")
    #expect(console.firstLine(from: "[ 0.1] one\n") == nil)
    #expect(console.firstLine(from: "why\n end") == nil)
    #expect(text("").firstLine(from: "x") == nil)
    #expect(text("ab").firstLine(from: "abc") == nil)
    #expect(text("xab").firstLine(from: "ab") == "ab")
  }

  @Test func noLines() {
    #expect(text("").lastLines(3) == "")
    #expect(text("\n\n\r\n").lastLines(3) == "")
    #expect(text("one\n\ntwo").lastLines(2) == "one\ntwo")
  }
}
