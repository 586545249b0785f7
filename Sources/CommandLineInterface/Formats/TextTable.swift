/// Rows of text in columns, aligned as runc's.
public struct TextTable: Sendable {
  private var rows: [[String]]

  public init(header: [String]) { rows = [header] }

  public mutating func append(_ row: [String]) { rows.append(row) }

  /// Each column is as wide as its widest cell and three blanks, at least twelve; the last is not
  /// filled up.
  public var text: String {
    let columns = rows[0].count
    var widths = [Int](repeating: 12, count: columns)
    for row in rows {
      for (column, cell) in row.enumerated() {
        widths[column] = max(widths[column], cell.unicodeScalars.count + 3)
      }
    }
    var text = ""
    for row in rows {
      for (column, cell) in row.enumerated() {
        text += cell
        if column == columns - 1 { continue }
        text += String(repeating: " ", count: widths[column] - cell.unicodeScalars.count)
      }
      text += "\n"
    }
    return text
  }
}
