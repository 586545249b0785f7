internal import CLinux
internal import JSON
public import Linux

/// The administrator's rules of which backend runs what (specs/architecture.md, "Policy file").
public struct Policy: Sendable, Equatable {
  /// What a rule decides for the bundles that it matches.
  public struct Decision: Sendable, Equatable {
    public let isolation: String
    /// For a VM: what runs it, and its kernel.
    public let engine: String?
    public let kernel: String?
    /// Which rule it was, for people.
    public let reason: String
  }

  /// The first rule that matches wins; all that a rule names must match.
  struct Rule: Sendable, Equatable {
    var id: GlobPattern?
    var user: UInt32?
    var annotations: [String: GlobPattern] = [:]
    var isolation = ""
    var engine: String?
    var kernel: String?
  }

  public static let defaultPath = "/etc/swrun/policy.json"

  private let rules: [Rule]
  private let path: String

  /// Reads the file at `path`; without one there are no rules.
  ///
  /// A file that somebody else than root or the caller can change is refused.
  public init(path: String = Policy.defaultPath) throws(RuntimeError) {
    self.path = path
    let bytes: [UInt8]
    do throws(SystemError) {
      let file = try FileDescriptor.open(path, O_RDONLY)
      let status = try file.status()
      let isOthers = status.st_uid != 0 && status.st_uid != getuid()
      guard !isOthers, status.st_mode & 0o022 == 0 else {
        throw SystemError(EPERM, "open", path)
      }
      bytes = try file.readAll(limit: 1 << 20, path)
    } catch {
      if error.errno == ENOENT {
        rules = []
        return
      }
      throw RuntimeError(
        "policy \(path)", error,
        advice: "the file must belong to root, and nobody else may write to it")
    }
    do throws(JSONError) {
      var json = try JSONReader(bytes.span)
      rules = try Self.rules(&json)
      try json.finish()
    } catch {
      throw RuntimeError("policy \(path): at byte \(error.offset): \(error.reason)")
    }
  }

  /// What the rules say of a container of the calling user; nil when none matches.
  public func decision(id: String, annotations: [String: String]) -> Decision? {
    for (index, rule) in rules.enumerated()
    where rule.matches(id: id, user: getuid(), annotations) {
      return Decision(
        isolation: rule.isolation, engine: rule.engine, kernel: rule.kernel,
        reason: "\(path): rules[\(index)]")
    }
    return nil
  }

  private static func rules(_ json: inout JSONReader) throws(JSONError) -> [Rule] {
    var rules: [Rule] = []
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "rules": try json.read(&rules)
      default: throw json.invalid("\"rules\" is all that a policy has", at: json.valueOffset())
      }
    }
    return rules
  }
}

extension Policy.Rule {
  func matches(id: String, user: UInt32, _ annotations: [String: String]) -> Bool {
    if let pattern = self.id, !pattern.matches(id) { return false }
    if let wanted = self.user, wanted != user { return false }
    for (name, pattern) in self.annotations {
      guard let value = annotations[name], pattern.matches(value) else { return false }
    }
    return true
  }
}

extension Policy.Rule: JSONValue {
  init(_ json: inout JSONReader) throws(JSONError) {
    var isolation: String?
    let start = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "id": try json.read(&id)
      case "user": try json.read(&user)
      case "annotations": try json.read(&annotations)
      case "isolation": try json.read(&isolation)
      case "engine": try json.read(&engine)
      case "kernel": try json.read(&kernel)
      default:
        throw json.invalid(
          "a rule has id, user, annotations, isolation, engine and kernel", at: json.valueOffset())
      }
    }
    self.isolation = try json.require(isolation, "isolation", in: start)
    guard ["container", "vm"].contains(self.isolation) else {
      throw json.invalid("isolation is container or vm, not \(self.isolation)", at: start)
    }
  }

  func write(to json: inout JSONWriter) {
    json.beginObject()
    if let id { json.member("id", id) }
    if let user { json.member("user", user) }
    if !annotations.isEmpty { json.member("annotations", annotations) }
    json.member("isolation", isolation)
    if let engine { json.member("engine", engine) }
    if let kernel { json.member("kernel", kernel) }
    json.endObject()
  }
}

/// A text in which `*` stands for any characters, also none.
struct GlobPattern: Sendable, Equatable {
  let text: String

  /// In time proportional to both lengths: what follows a star is tried from each place on once.
  func matches(_ candidate: String) -> Bool {
    let pattern = Array(text.utf8)
    let bytes = Array(candidate.utf8)
    var (p, c) = (0, 0)
    var star: (pattern: Int, candidate: Int)?
    while c < bytes.count {
      if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
        star = (p + 1, c)
        p += 1
      } else if p < pattern.count, pattern[p] == bytes[c] {
        p += 1
        c += 1
      } else if let last = star {
        star = (last.pattern, last.candidate + 1)
        (p, c) = (last.pattern, last.candidate + 1)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}

extension GlobPattern: JSONValue {
  init(_ json: inout JSONReader) throws(JSONError) { text = try json.string() }
  func write(to json: inout JSONWriter) { json.string(text) }
}
