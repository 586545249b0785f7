/// The texts of `--help` and `--usage`, made from the table.
public enum Help {
  static let width = 96

  /// Help on a verb, or on the program when nil.
  public static func text(_ verb: Verb?) -> String {
    guard let verb else { return program() }
    let row = Table.description(of: verb)
    var text = "swrun \(verb.rawValue): \(row.summary)\n\n" + usage(verb) + "\n"
    text += wrapped(row.details.description, indent: 0)
    if !row.options.isEmpty { text += "\nOptions:\n" + list(row.options) }
    return text + "\n'swrun --help' lists the options that stand before the verb.\n"
  }

  /// One line of help.
  public static func usage(_ verb: Verb?) -> String {
    guard let verb else { return "Usage: swrun [OPTION...] VERB [OPTION...] [ID] ...\n" }
    let row = Table.description(of: verb)
    let options = row.options.isEmpty ? "" : " [OPTION...]"
    let operands = row.operands.description
    return "Usage: swrun \(verb.rawValue)\(options)\(operands.isEmpty ? "" : " ")\(operands)\n"
  }

  private static func program() -> String {
    var text = "swrun: run OCI containers\n\n" + usage(nil) + "\nVerbs:\n"
    for verb in Verb.allCases where !verb.isHidden {
      text += column("  \(verb.rawValue)", 14, Table.description(of: verb).summary.description)
    }
    text += "\nOptions before the verb:\n" + list(Table.global)
    return text + "\n'swrun VERB --help' lists the options of a verb; swrun(8) says more.\n"
  }

  private static func list(_ options: [Option]) -> String {
    var text = ""
    for option in options {
      let short = option.short.map { "-\($0), " } ?? "    "
      let value = option.placeholder.map { " \($0)" } ?? ""
      text += column("  \(short)--\(option.name.rawValue)\(value)", 36, option.help.description)
    }
    return text
  }

  /// The first word in a column of its own, the text wrapped in another.
  private static func column(_ first: String, _ start: Int, _ text: String) -> String {
    let body = wrapped(text, indent: start)
    if first.count + 2 > start { return first + "\n" + body }
    return first + body.dropFirst(first.count)
  }

  /// Lines of at most `width` characters, each ended by a newline.
  static func wrapped(_ text: String, indent: Int) -> String {
    let margin = String(repeating: " ", count: indent)
    var result = margin
    var column = indent
    for word in text.split(separator: " ") {
      if column > indent && column + 1 + word.count > width {
        result += "\n" + margin
        column = indent
      }
      if column > indent {
        result += " "
        column += 1
      }
      result += word
      column += word.count
    }
    return result + "\n"
  }
}
