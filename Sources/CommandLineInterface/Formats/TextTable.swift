/// Rows of text in columns, aligned as runc's.
public struct TextTable: Sendable {
  /// All cells, one after the other: `list` has thousands.
  private var text: [UInt8] = []
  private var cells: [Cell] = []
  private var widths: [Int]
  private var column = 0

  private struct Cell {
    let end: Int
    /// The number of Unicode scalars.
    let width: Int
  }

  public init(header: [String]) {
    widths = [Int](repeating: 12, count: header.count)
    for cell in header { append(cell) }
  }

  /// Adds the next cell of the row, or the first of the next row.
  public mutating func append(_ cell: String) { append(cell.utf8.span) }

  /// As `append` of a string, with its bytes.
  public mutating func append(_ cell: Span<UInt8>) {
    let width = unsafe cell.withUnsafeBufferPointer { bytes in
      unsafe text.append(contentsOf: bytes)
      var width = 0
      for index in 0..<bytes.count {
        width &+= unsafe bytes[index] & 0xC0 == 0x80 ? 0 : 1
      }
      return width
    }
    cells.append(Cell(end: text.count, width: width))
    widths[column] = max(widths[column], width + 3)
    column = column == widths.count - 1 ? 0 : column + 1
  }

  /// Each column is as wide as its widest cell and three blanks, at least twelve; the last is not
  /// filled up.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(cells.count / widths.count * (widths.reduce(0, +) + 1))
    let blanks = [UInt8](repeating: UInt8(ascii: " "), count: widths.max() ?? 0)
    var start = 0
    var column = 0
    for cell in cells {
      bytes.append(contentsOf: text[start..<cell.end])
      start = cell.end
      if column == widths.count - 1 {
        bytes.append(UInt8(ascii: "\n"))
        column = 0
      } else {
        bytes.append(contentsOf: blanks[..<(widths[column] - cell.width)])
        column += 1
      }
    }
    return bytes
  }
}
