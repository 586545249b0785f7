public import Linux

/// A command line that was understood: the verb, its options and its operands.
public struct Arguments: Sendable {
  public let verb: Verb
  /// What stands behind the options, the id first.
  public let operands: [String]
  /// Options in the order given; a flag's value is "true" or "false".
  let options: [(name: OptionName, value: String)]

  init(verb: Verb, operands: [String], options: [(name: OptionName, value: String)]) {
    self.verb = verb
    self.operands = operands
    self.options = options
  }

  /// The container's id: the first operand of the verbs that have one.
  public var id: String { operands[0] }

  /// The last value given for the option, or nil.
  public subscript(_ name: OptionName) -> String? { options.last { $0.name == name }?.value }

  /// Every value given for the option, in order.
  public func all(_ name: OptionName) -> [String] {
    var values: [String] = []
    for option in options where option.name == name { values.append(option.value) }
    return values
  }

  /// Whether the flag is on.
  public func has(_ name: OptionName) -> Bool { self[name] == "true" }

  /// Whether the option was given at all.
  public func isGiven(_ name: OptionName) -> Bool { options.contains { $0.name == name } }

  /// The option as a number within `range`; nil when it was not given.
  public func integer<Number: FixedWidthInteger>(
    _ name: OptionName, in range: ClosedRange<Number>
  ) throws(RuntimeError) -> Number? {
    guard let text = self[name] else { return nil }
    guard let number = Number(text), range.contains(number), text.first != "+" else {
      throw invalid(name, text, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// The option read by `parse`; nil when it was not given.
  public func parsed<Value>(
    _ name: OptionName, as expected: StaticString, _ parse: (String) -> Value?
  ) throws(RuntimeError) -> Value? {
    guard let text = self[name] else { return nil }
    guard let value = parse(text) else { throw invalid(name, text, expected.description) }
    return value
  }

  /// `--memory: expected a size such as 256m, found "x"`.
  public func invalid(_ name: OptionName, _ found: String, _ expected: String) -> RuntimeError {
    RuntimeError(
      "--\(name.rawValue): expected \(expected), found \"\(found)\"",
      advice: "see 'swrun \(verb.rawValue) --help'")
  }
}
