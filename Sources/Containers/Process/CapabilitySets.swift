internal import CLinux
internal import Linux
internal import OCISpec

/// The five capability sets of a process as bit masks (config.md, "Linux Process").
///
/// A set that the configuration does not name is empty: no process gets inheritable or ambient
/// capabilities that nobody asked for (CVE-2022-29162).
struct CapabilitySets: Equatable {
  var bounding: UInt64 = 0
  var effective: UInt64 = 0
  var inheritable: UInt64 = 0
  var permitted: UInt64 = 0
  var ambient: UInt64 = 0
  /// Names that no kernel of this program's time knows.
  private(set) var unknown: [String] = []

  init(_ capabilities: Spec.Process.Capabilities?) {
    guard let capabilities else { return }
    bounding = mask(capabilities.bounding)
    // Nearly always the same list: read once.
    effective =
      capabilities.effective == capabilities.bounding ? bounding : mask(capabilities.effective)
    permitted =
      capabilities.permitted == capabilities.bounding ? bounding : mask(capabilities.permitted)
    inheritable = mask(capabilities.inheritable)
    ambient = mask(capabilities.ambient)
  }

  private mutating func mask(_ names: [String]?) -> UInt64 {
    var mask: UInt64 = 0
    for name in names ?? [] {
      if let number = CapabilityName.number(of: name) {
        mask |= 1 << UInt64(number)
      } else if !unknown.contains(name) {
        unknown.append(name)
      }
    }
    return mask
  }

  /// Nil when every name is known.
  var warning: String? {
    unknown.isEmpty
      ? nil
      : "process.capabilities: ignoring unknown capabilities: \(unknown.joined(separator: " "))"
  }

  /// Takes what is not in the bounding set out of the process's; needs CAP_SETPCAP.
  ///
  /// The kernel has no call for several at once. EINVAL tells that it knows no more of them.
  func limitBounding() throws(RuntimeError) {
    for number in 0..<64 where bounding & 1 << UInt64(number) == 0 {
      let result = cl_prctl(PR_CAPBSET_DROP, UInt(number), 0, 0, 0)
      if result == -EINVAL { break }
      // Without the right to drop it, it may be gone already.
      if result < 0 && cl_prctl(PR_CAPBSET_READ, UInt(number), 0, 0, 0) != 0 {
        throw RuntimeError(
          "process.capabilities.bounding",
          SystemError(-result, "prctl", "PR_CAPBSET_DROP \(CapabilityName.name(of: number))"))
      }
    }
  }

  /// Gives the process the four other sets; the last privileged step before the program.
  func apply() throws(RuntimeError) {
    let sets = cl_capability_sets(
      effective: effective, permitted: permitted, inheritable: inheritable)
    let result = cl_capset(sets)
    if result < 0 { throw explain(SystemError(-result, "capset")) }
    // What is not both permitted and inheritable cannot be ambient; runc and crun leave it out
    // without a word, and the configuration that `runc spec` writes relies on that.
    var rest = ambient & permitted & inheritable
    while rest != 0 {
      let number = rest.trailingZeroBitCount
      rest &= rest - 1
      try step("process.capabilities.ambient") { () throws(SystemError) in
        try system("prctl", "PR_CAP_AMBIENT_RAISE \(CapabilityName.name(of: number))") {
          cl_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_RAISE), UInt(number), 0, 0)
        }
      }
    }
  }

  /// Makes every permitted capability effective again, which a change of user undoes.
  static func makePermittedEffective() throws(RuntimeError) {
    try step("process.capabilities") { () throws(SystemError) in
      var own = cl_capability_sets()
      try system("capget") { unsafe cl_capget(&own) }
      own.effective = own.permitted
      try system("capset") { cl_capset(own) }
    }
  }

  /// Names the set and the capability that capset refused.
  private func explain(_ error: SystemError) -> RuntimeError {
    var own = cl_capability_sets()
    _ = unsafe cl_capget(&own)
    let faults = [
      ("permitted", permitted & ~own.permitted, "the runtime itself does not have it"),
      ("effective", effective & ~permitted, "it must be in process.capabilities.permitted too"),
      (
        "inheritable", inheritable & ~(own.permitted | own.inheritable),
        "the runtime itself does not have it"
      ),
      (
        "inheritable", inheritable & ~(bounding | own.inheritable),
        "it must be in process.capabilities.bounding too"
      ),
    ]
    for (set, missing, reason) in faults where missing != 0 {
      let name = CapabilityName.name(of: missing.trailingZeroBitCount)
      return RuntimeError(
        "process.capabilities.\(set): \(name)", error, advice: reason)
    }
    return RuntimeError("process.capabilities", error)
  }
}
