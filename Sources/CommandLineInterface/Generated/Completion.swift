/// The completion scripts of the shells, made from the table.
public enum Completion: String, CaseIterable, Sendable {
  case bash, zsh, fish

  public func text() -> String {
    switch self {
    case .bash: Self.bashScript()
    case .zsh: Self.zshScript()
    case .fish: Self.fishScript()
    }
  }

  static var verbs: [VerbDescription] {
    Verb.allCases.filter { !$0.isHidden }.map(Table.description(of:))
  }

  /// Whether the verb's first operand is a container.
  static func takesContainer(_ verb: VerbDescription) -> Bool {
    switch verb.verb {
    case .create, .run: false
    default: verb.operands.description.hasPrefix("ID")
    }
  }

  /// Text between single quotes of a POSIX shell.
  static func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
      + "'"
  }
}
