/// Rows of text in columns, aligned as runc's.
public struct TextTable: Sendable {
  private var rows: [[String]] = []
  private var widths: [Int]

  public init(header: [String]) {
    widths = [Int](repeating: 12, count: header.count)
    append(header)
  }

  public mutating func append(_ row: [String]) {
    rows.append(row)
    for column in row.indices { widths[column] = max(widths[column], Self.width(row[column]) + 3) }
  }

  /// The number of Unicode scalars.
  private static func width(_ cell: String) -> Int {
    cell.utf8.reduce(into: 0) { count, byte in count += byte & 0xC0 == 0x80 ? 0 : 1 }
  }

  /// Each column is as wide as its widest cell and three blanks, at least twelve; the last is not
  /// filled up.
  public var text: String {
    var text: [UInt8] = []
    for row in rows {
      for (column, cell) in row.enumerated() {
        text.append(contentsOf: cell.utf8)
        if column == widths.count - 1 { continue }
        for _ in Self.width(cell)..<widths[column] { text.append(UInt8(ascii: " ")) }
      }
      text.append(UInt8(ascii: "\n"))
    }
    return String(decoding: text, as: UTF8.self)
  }
}
