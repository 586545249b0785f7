import Foundation

/// The rows of the table in specs/differences.md: `| peer | configs | field | why |`.
struct KnownDifferences {
  struct Row: CustomStringConvertible {
    let peer: String
    let config: String
    let field: String
    /// A difference that not every machine shows.
    let isOptional: Bool
    var description: String { "| \(peer) | \(config) | \(field) |" }

    /// `*` in a row stands for any text.
    func covers(peer: String, config: String, field: String) -> Bool {
      self.peer.split(separator: ",").contains { $0.trimmingCharacters(in: .whitespaces) == peer }
        && self.config.split(separator: ",").contains {
          matches(config, $0.trimmingCharacters(in: .whitespaces))
        }
        && matches(field, self.field)
    }

    private func matches(_ text: String, _ pattern: String) -> Bool {
      // fnmatch without the path rules: `*` also takes slashes.
      fnmatch(pattern, text, 0) == 0
    }
  }

  let rows: [Row]

  init() throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("specs/differences.md").path
    let text = try String(contentsOfFile: path, encoding: .utf8)
    rows = text.split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|").map {
        $0.trimmingCharacters(in: CharacterSet(charactersIn: " `"))
      }
      guard line.hasPrefix("| `"), cells.count >= 4 else { return nil }
      return Row(
        peer: cells[0], config: cells[1], field: cells[2], isOptional: cells[3].hasPrefix("Where"))
    }
  }
}
