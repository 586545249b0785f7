/// What the program can be asked to do.
public enum Verb: String, CaseIterable, Sendable {
  case create, start, run, exec, state, kill, delete, list, ps
  case pause, resume, update, events, spec, features
  case completion, man, help

  /// Verbs that people call every day; the others make files for packagers.
  public var isHidden: Bool { self == .completion || self == .man }

  /// The verb of this name. `init(rawValue:)` makes a dictionary of all names first.
  init?(named name: String) {
    guard let verb = Self.allCases.first(where: { $0.rawValue == name }) else { return nil }
    self = verb
  }
}

/// What the table says of one verb.
public struct VerbDescription: Sendable {
  public let verb: Verb
  /// One line for the list of verbs.
  public let summary: StaticString
  /// What stands behind the options, such as `ID [SIGNAL]`.
  public let operands: StaticString
  /// How many operands are allowed.
  public let operandCount: ClosedRange<Int>
  /// Where options end although no `--` was seen; what follows belongs to somebody else.
  public let optionsEnd: OptionsEnd
  /// What the verb does, in sentences.
  public let details: StaticString
  public let options: [Option]

  public enum OptionsEnd: Sendable {
    /// Options may stand before, between and behind the operands.
    case never
    /// Behind the first operand: `exec ID COMMAND --its-option`.
    case atFirstOperand
    /// Behind the second operand when `--rootfs` was given: `run --rootfs DIR ID COMMAND --opt`.
    case atCommandOfRootfs
  }

  init(
    _ verb: Verb, _ summary: StaticString, operands: StaticString, count: ClosedRange<Int>,
    optionsEnd: OptionsEnd = .never, details: StaticString, options: [Option] = []
  ) {
    self.verb = verb
    self.summary = summary
    self.operands = operands
    operandCount = count
    self.optionsEnd = optionsEnd
    self.details = details
    self.options = options
  }

  public func option(named name: some StringProtocol) -> Option? {
    options.first { $0.name.rawValue == name }
  }
}
