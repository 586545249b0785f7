import CommandLineInterface
import Testing

@Suite struct TableTests {
  @Test func columnsAreAsWideAsTheirWidestCell() {
    var table = TextTable(header: ["ID", "NAME", "LAST"])
    for cell in ["a", "twelve bytes", "x", "é", "日本", ""] { table.append(cell) }
    #expect(
      String(decoding: table.bytes, as: UTF8.self) == """
        ID          NAME           LAST
        a           twelve bytes   x
        é           日本             \n
        """)
  }

  @Test func aTableOfContainers() {
    var table = ContainerTable()
    let text = Array("one/b2026".utf8)
    table.append(
      id: text.span.extracting(0..<3), pid: nil, status: .stopped,
      bundle: text.span.extracting(3..<5), created: text.span.extracting(5..<9), owner: "#7")
    #expect(
      String(decoding: table.bytes, as: UTF8.self) == """
        ID          PID         STATUS      BUNDLE      CREATED     OWNER
        one         0           stopped     /b          2026        #7\n
        """)
  }
}
