/// One option of the table that parsing, help, completion and the manual page are made of.
public struct Option: Sendable {
  public let name: OptionName
  /// The letter of the one-dash spelling.
  public let short: Character?
  public let value: Value
  /// One line without a full stop at the end.
  public let help: StaticString
  /// Whether each occurrence counts; otherwise the last one wins.
  public let isRepeatable: Bool

  /// What an option takes.
  public enum Value: Sendable {
    /// Nothing: the option is on or off.
    case flag
    /// Any text, shown as the placeholder.
    case text(StaticString)
    /// A path; shells complete it.
    case file(StaticString)
    case directory
    /// One of these words.
    case word([StaticString])
  }

  init(
    _ name: OptionName, _ short: Character?, _ value: Value,
    repeatable: Bool = false, _ help: StaticString
  ) {
    self.name = name
    self.short = short
    self.value = value
    self.help = help
    isRepeatable = repeatable
  }

  /// A flag without a letter.
  init(_ name: OptionName, _ help: StaticString) { self.init(name, nil, .flag, help) }

  /// A flag with a letter.
  init(_ name: OptionName, _ short: Character, _ help: StaticString) {
    self.init(name, short, .flag, help)
  }

  public var takesValue: Bool {
    if case .flag = value { return false }
    return true
  }

  /// What stands for the value in help, such as `DIR` or `text|json`; nil for a flag.
  public var placeholder: String? {
    switch value {
    case .flag: nil
    case .text(let name), .file(let name): name.description
    case .directory: "DIR"
    case .word(let words): words.map(\.description).joined(separator: "|")
    }
  }
}
