public import Linux

/// What a command line asks for.
public enum Request: Sendable {
  case run(Arguments)
  /// Help on a verb, or on the program when nil.
  case help(Verb?)
  /// One line of help.
  case usage(Verb?)
  case version
}

/// Reads a command line by the table, as runc and crun read theirs.
///
/// Options are `--name value`, `--name=value`, `-name value` (Go's spelling), `-n value`, `-nvalue`
/// and grouped letters; `--` ends them.
public struct Parser {
  private let words: [String]
  private var index = 0
  private var options: [(name: OptionName, value: String)] = []
  private var wanted: OptionName?

  private init(_ words: [String]) { self.words = words }

  /// `words` is the command line without the program's name.
  public static func parse(_ words: [String]) throws(RuntimeError) -> Request {
    var parser = Parser(words)
    return try parser.request()
  }

  /// What was given for the options of logging, as far as the line can be read at all.
  ///
  /// A usage error goes to the log, too, so these must be known when the rest is wrong.
  public static func loggingOptions(_ words: [String]) -> (file: String?, format: String?) {
    var found: (file: String?, format: String?) = (nil, nil)
    for (index, word) in words.enumerated() {
      if word == "--" || Verb(named: word) != nil { break }
      let name = word.drop { $0 == "-" }
      if name.count == word.count { continue }
      let parts = name.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count > 1 ? String(parts[1]) : words.dropFirst(index + 1).first
      if parts[0] == OptionName.log.rawValue { found.file = value }
      if parts[0] == OptionName.logFormat.rawValue { found.format = value }
    }
    return found
  }

  private mutating func request() throws(RuntimeError) -> Request {
    while index < words.count, isOption(words[index]) {
      try parseOption(of: nil)
      if let request = wantedRequest(nil) { return request }
    }
    if index < words.count, words[index] == "--" { index += 1 }
    guard index < words.count else { return .help(nil) }
    let name = words[index]
    index += 1
    guard let verb = Verb(named: name) ?? (name == "h" ? .help : nil) else {
      throw Self.unknownVerb(name)
    }
    return try arguments(of: Table.description(of: verb))
  }

  private static func unknownVerb(_ name: String) -> RuntimeError {
    if name == "checkpoint" || name == "restore" {
      return RuntimeError("\(name) is not supported: swrun cannot save or load running processes")
    }
    return RuntimeError("unknown command \"\(name)\"", advice: "'swrun --help' lists the commands")
  }

  private mutating func arguments(of verb: VerbDescription) throws(RuntimeError) -> Request {
    var operands: [String] = []
    while index < words.count {
      let word = words[index]
      if word == "--" {
        operands += words[(index + 1)...]
        break
      }
      if isOption(word) {
        try parseOption(of: verb)
        if let request = wantedRequest(verb.verb) { return request }
        continue
      }
      if optionsEnd(verb, operands.count) {
        // `exec ID -- COMMAND` and `exec ID COMMAND -- x` differ: only the first `--` is ours.
        var rest = words[index...]
        if operands.isEmpty, rest.dropFirst().first == "--" {
          operands.append(rest.removeFirst())
          rest.removeFirst()
        }
        operands += rest
        break
      }
      operands.append(word)
      index += 1
    }
    if verb.verb == .help {
      guard let name = operands.first else { return .help(nil) }
      guard let topic = Verb(named: name) else { throw Self.unknownVerb(name) }
      return .help(topic)
    }
    try check(operands, of: verb)
    return .run(Arguments(verb: verb.verb, operands: operands, options: options))
  }

  /// Whether the operand that comes now, behind `count` others, ends the options.
  private func optionsEnd(_ verb: VerbDescription, _ count: Int) -> Bool {
    switch verb.optionsEnd {
    case .never: false
    case .atFirstOperand: true
    case .atCommandOfRootfs: count == 1 && options.contains { $0.name == .rootfs }
    }
  }

  private func check(_ operands: [String], of verb: VerbDescription) throws(RuntimeError) {
    var most = verb.operandCount.upperBound
    if verb.verb == .run && !options.contains(where: { $0.name == .rootfs }) { most = 1 }
    var advice: String { "see 'swrun \(verb.verb.rawValue) --help'" }
    if verb.verb == .run && most > 1 && operands.count == 1 {
      throw RuntimeError("run: COMMAND is missing", advice: "--rootfs DIR needs ID -- COMMAND")
    }
    if operands.count < verb.operandCount.lowerBound {
      let missing = verb.operands.description.prefix { $0 != " " }
      throw RuntimeError("\(verb.verb.rawValue): \(missing) is missing", advice: advice)
    }
    if operands.count > most {
      throw RuntimeError(
        "\(verb.verb.rawValue): unexpected argument \"\(operands[most])\"", advice: advice)
    }
  }

  private func isOption(_ word: String) -> Bool {
    word.utf8.first == UInt8(ascii: "-") && word.utf8.count > 1 && word != "--"
  }

  private func wantedRequest(_ verb: Verb?) -> Request? {
    switch wanted {
    case .help: .help(verb)
    case .usage: .usage(verb)
    case .version: .version
    default: nil
    }
  }

  // MARK: One option

  private mutating func parseOption(of verb: VerbDescription?) throws(RuntimeError) {
    let word = words[index]
    index += 1
    let isLong = word.utf8.starts(with: "--".utf8)
    let body = word.utf8.dropFirst(isLong ? 2 : 1)
    let name: String
    let attached: String?
    if let equals = body.firstIndex(of: UInt8(ascii: "=")) {
      name = String(decoding: body[..<equals], as: UTF8.self)
      attached = String(decoding: body[equals...].dropFirst(), as: UTF8.self)
    } else {
      name = String(decoding: body, as: UTF8.self)
      attached = nil
    }
    if let option = verb?.option(named: name)
      ?? Table.global.first(where: { $0.name.rawValue == name })
    {
      return try take(option, spelled: word, attached)
    }
    if isLong { throw unknown(word, of: verb) }
    try parseLetters(Substring(body), of: verb, word)
  }

  /// `-d`, `-dt`, `-eNAME=VALUE`, `-e=NAME=VALUE`, `-e NAME=VALUE`.
  private mutating func parseLetters(
    _ letters: Substring, of verb: VerbDescription?, _ word: String
  ) throws(RuntimeError) {
    var rest = letters
    while let letter = rest.popFirst() {
      guard let option = option(of: verb, letter: letter) else { throw unknown(word, of: verb) }
      if !option.takesValue && rest.first != "=" {
        try take(option, spelled: word, nil)
        continue
      }
      if rest.first == "=" { rest.removeFirst() }
      return try take(option, spelled: word, rest.isEmpty && word.last != "=" ? nil : String(rest))
    }
  }

  private func option(of verb: VerbDescription?, letter: Character) -> Option? {
    if let option = verb?.options.first(where: { $0.short == letter }) { return option }
    // crun's spellings.
    if letter == "?" { return Table.global.first { $0.name == .help } }
    if letter == "V" && verb == nil { return Table.global.first { $0.name == .version } }
    return Table.global.first { $0.short == letter }
  }

  private mutating func take(
    _ option: Option, spelled word: String, _ attached: String?
  ) throws(RuntimeError) {
    switch option.value {
    case .flag:
      switch attached {
      case nil, "true", "1", "t", "T", "TRUE", "True": options.append((option.name, "true"))
      case "false", "0", "f", "F", "FALSE", "False": return options.append((option.name, "false"))
      default:
        throw RuntimeError(
          "--\(option.name.rawValue): expected true or false, found \"\(attached ?? "")\"")
      }
      switch option.name {
      case .help, .usage, .version: wanted = option.name
      default: break
      }
    case .text, .file, .directory:
      options.append((option.name, try value(of: option, attached)))
    case .word(let allowed):
      let value = try value(of: option, attached)
      guard allowed.contains(where: { $0.description == value }) else {
        throw RuntimeError(
          "--\(option.name.rawValue): expected \(option.placeholder ?? ""), found \"\(value)\"")
      }
      options.append((option.name, value))
    }
  }

  private mutating func value(
    of option: Option, _ attached: String?
  ) throws(RuntimeError) -> String {
    if let attached { return attached }
    guard index < words.count else {
      throw RuntimeError("--\(option.name.rawValue) needs a value", advice: option.placeholder)
    }
    defer { index += 1 }
    return words[index]
  }

  private func unknown(_ word: String, of verb: VerbDescription?) -> RuntimeError {
    let name = word.prefix { $0 != "=" }
    guard let verb else {
      return RuntimeError("unknown option \(name)", advice: "'swrun --help' lists the options")
    }
    return RuntimeError(
      "\(verb.verb.rawValue): unknown option \(name)",
      advice: "'swrun \(verb.verb.rawValue) --help' lists the options")
  }
}
