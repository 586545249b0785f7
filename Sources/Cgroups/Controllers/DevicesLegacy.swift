internal import CLinux
internal import Linux

/// What the device controller of v1 can hold: a default, and devices for which it is turned over.
struct LegacyDevicePolicy: Equatable {
  var allowsByDefault = false
  var exceptions: [(pattern: DevicePattern, access: DeviceAccess)] = []

  static func == (left: LegacyDevicePolicy, right: LegacyDevicePolicy) -> Bool {
    left.allowsByDefault == right.allowsByDefault
      && left.exceptions.elementsEqual(right.exceptions, by: ==)
  }

  /// The rules in order, starting from nothing allowed.
  ///
  /// The kernel itself takes back an exception only by its exact pattern, and without a word
  /// ignores every other: so the rules are reduced here, and what no list of exceptions can say
  /// is an error.
  init(_ rules: [DeviceRule]) throws(RuntimeError) {
    var index = 0
    while index < rules.count {
      let rule = rules[index]
      // Everything, for both types: the default itself.
      if rule.access == .all, rule.pattern == DevicePattern(kind: .block),
        index + 1 < rules.count, rules[index + 1].allow == rule.allow,
        rules[index + 1].access == .all,
        rules[index + 1].pattern == DevicePattern(kind: .character)
      {
        allowsByDefault = rule.allow
        exceptions = []
        index += 2
        continue
      }
      if rule.allow == allowsByDefault { try takeBack(rule) } else { add(rule) }
      index += 1
    }
    if !allowsByDefault { widenNarrower() }
  }

  /// To open for reading and writing, the kernel wants both allowed by one exception: what a wider
  /// one allows is given to the narrower ones as well.
  private mutating func widenNarrower() {
    for narrow in exceptions.indices {
      for wide in exceptions where wide.pattern.covers(exceptions[narrow].pattern) {
        exceptions[narrow].access.formUnion(wide.access.intersection([.read, .write]))
      }
    }
  }

  private mutating func add(_ rule: DeviceRule) {
    if let place = exceptions.firstIndex(where: { $0.pattern == rule.pattern }) {
      exceptions[place].access.formUnion(rule.access)
    } else {
      exceptions.append((rule.pattern, rule.access))
    }
  }

  private mutating func takeBack(_ rule: DeviceRule) throws(RuntimeError) {
    for place in exceptions.indices.reversed() {
      let exception = exceptions[place]
      if exception.access.isDisjoint(with: rule.access) { continue }
      if rule.pattern.covers(exception.pattern) {
        exceptions[place].access.subtract(rule.access)
        if exceptions[place].access.isEmpty { exceptions.remove(at: place) }
      } else if rule.pattern.overlaps(exception.pattern) {
        let field = rule.index.map { "linux.resources.devices[\($0)]" } ?? "linux.resources.devices"
        throw RuntimeError(
          "\(field): \(rule.allow ? "allow" : "deny") \(rule.pattern) \(rule.access): cgroup v1"
            + " cannot make an exception from the earlier rule for \(exception.pattern)"
            + " \(exception.access)",
          advice: "name the single devices in the earlier rule")
      }
    }
  }
}

extension CgroupDirectory {
  /// Sets the v1 device controller; the first write drops what it had before.
  func apply(_ policy: LegacyDevicePolicy) throws(RuntimeError) {
    func failure(_ error: SystemError, _ file: String, _ what: String) -> RuntimeError {
      Setting("devices", what, file).failure(error, in: self)
    }
    let (resetFile, exceptionFile) =
      policy.allowsByDefault
      ? ("devices.allow", "devices.deny") : ("devices.deny", "devices.allow")
    do throws(SystemError) {
      try write(resetFile, "a")
    } catch {
      throw failure(error, resetFile, "a *:* rwm")
    }
    if policy.exceptions.isEmpty { return }
    let file = try step("cgroup \(path)") { () throws(SystemError) in
      try FileDescriptor.open(exceptionFile, O_WRONLY | O_NOFOLLOW, at: reference)
    }
    for (pattern, access) in policy.exceptions {
      // The kernel takes one rule a write.
      let text = "\(pattern) \(access)"
      do throws(SystemError) {
        try file.write(text, exceptionFile)
      } catch {
        throw failure(error, exceptionFile, text)
      }
    }
  }
}
