internal import Linux
internal import OCISpec

/// The kinds of access to a device node, by the bits of the kernel (BPF_DEVCG_ACC_*).
struct DeviceAccess: OptionSet, Hashable, CustomStringConvertible {
  let rawValue: Int32
  static let mknod = DeviceAccess(rawValue: 1)
  static let read = DeviceAccess(rawValue: 2)
  static let write = DeviceAccess(rawValue: 4)
  static let all: DeviceAccess = [.mknod, .read, .write]

  init(rawValue: Int32) { self.rawValue = rawValue }

  /// The letters `r`, `w` and `m` in any order; nil when there is another or none.
  init?(letters: String) {
    var result: DeviceAccess = []
    for letter in letters.utf8 {
      switch letter {
      case UInt8(ascii: "r"): result.insert(.read)
      case UInt8(ascii: "w"): result.insert(.write)
      case UInt8(ascii: "m"): result.insert(.mknod)
      default: return nil
      }
    }
    if result.isEmpty { return nil }
    self = result
  }

  var description: String {
    (contains(.read) ? "r" : "") + (contains(.write) ? "w" : "") + (contains(.mknod) ? "m" : "")
  }
}

/// The devices that a rule is about: a type, and a number or every number.
struct DevicePattern: Hashable, CustomStringConvertible {
  enum Kind: Int32, Sendable {
    // BPF_DEVCG_DEV_BLOCK and BPF_DEVCG_DEV_CHAR.
    case block = 1
    case character = 2
  }
  let kind: Kind
  var major: UInt32?
  var minor: UInt32?

  /// Whether every device of `other` is one of this pattern.
  func covers(_ other: DevicePattern) -> Bool {
    kind == other.kind && (major == nil || major == other.major)
      && (minor == nil || minor == other.minor)
  }

  /// Whether a device can be of both patterns.
  func overlaps(_ other: DevicePattern) -> Bool {
    kind == other.kind && (major == nil || other.major == nil || major == other.major)
      && (minor == nil || other.minor == nil || minor == other.minor)
  }

  /// As devices.allow takes it: `c 1:3`, `b *:*`.
  var description: String {
    "\(kind == .block ? "b" : "c") \(Self.text(major)):\(Self.text(minor))"
  }

  private static func text(_ number: UInt32?) -> String {
    if let number { String(decimal: Int(number)) } else { "*" }
  }
}

/// One rule for devices, checked; `a` of config.json is the rule for both types.
struct DeviceRule: Equatable {
  let allow: Bool
  let pattern: DevicePattern
  let access: DeviceAccess
  /// The place in `linux.resources.devices`; nil for the rules that every container has.
  let index: Int?
}

extension DeviceRule {
  /// What config.json has, in order, and behind it what every container may use.
  static func effective(_ given: [Spec.Linux.Resources.DeviceRule]) throws(RuntimeError)
    -> [DeviceRule]
  {
    var result: [DeviceRule] = []
    for (index, rule) in given.enumerated() { result += try checked(rule, index) }
    return result + always
  }

  private static func checked(
    _ rule: Spec.Linux.Resources.DeviceRule, _ index: Int
  ) throws(RuntimeError) -> [DeviceRule] {
    let access: DeviceAccess
    if let letters = rule.access {
      guard let known = DeviceAccess(letters: letters) else {
        throw RuntimeError(
          "linux.resources.devices[\(index)].access: \"\(letters)\" is no access to a device",
          advice: "give one or more of r, w and m")
      }
      access = known
    } else {
      access = .all
    }
    let major = try number(rule.major, "major", index)
    let minor = try number(rule.minor, "minor", index)
    func one(_ kind: DevicePattern.Kind) -> DeviceRule {
      DeviceRule(
        allow: rule.allow, pattern: DevicePattern(kind: kind, major: major, minor: minor),
        access: access, index: index)
    }
    switch rule.type {
    case .block: return [one(.block)]
    case .character: return [one(.character)]
    // Not the kernel's `a`, which drops the numbers and the access and means everything.
    case .all, nil: return [one(.block), one(.character)]
    }
  }

  /// A device number; nil, and -1 as other runtimes take it, is every number.
  private static func number(
    _ value: Int64?, _ field: StaticString, _ index: Int
  ) throws(RuntimeError) -> UInt32? {
    guard let value, value != -1 else { return nil }
    guard let number = UInt32(exactly: value) else {
      throw RuntimeError(
        "linux.resources.devices[\(index)].\(field): \(value): not a device number",
        advice: "give 0 to 4294967295, or -1 for all")
    }
    return number
  }

  /// What every container may use, whatever config.json says, as with runc: making any node,
  /// null, full, zero, tty, urandom and random, pseudo-terminals, and net/tun.
  static let always: [DeviceRule] = {
    func rule(
      _ kind: DevicePattern.Kind, _ major: UInt32?, _ minor: UInt32?, _ access: DeviceAccess = .all
    ) -> DeviceRule {
      DeviceRule(
        allow: true, pattern: DevicePattern(kind: kind, major: major, minor: minor),
        access: access, index: nil)
    }
    return [
      rule(.character, nil, nil, .mknod), rule(.block, nil, nil, .mknod),
      rule(.character, 1, 3), rule(.character, 1, 5), rule(.character, 1, 7),
      rule(.character, 1, 8), rule(.character, 1, 9), rule(.character, 5, 0),
      rule(.character, 5, 2), rule(.character, 10, 200), rule(.character, 136, nil),
    ]
  }()
}
