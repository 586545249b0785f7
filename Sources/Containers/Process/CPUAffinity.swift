internal import CLinux
internal import Linux

/// The CPUs on which a process may run, from a list such as `0-3,7`.
struct CPUAffinity: Equatable {
  /// Bit n of byte n / 8 stands for CPU n.
  private(set) var mask: [UInt8] = []

  /// The kernel's own limit is 8192 (NR_CPUS of MAXSMP).
  private static let limit = 8192

  /// `member` names the list in errors.
  init(_ list: String, _ member: String) throws(RuntimeError) {
    for part in list.split(separator: ",") {
      let bounds = part.split(separator: "-", omittingEmptySubsequences: false).map {
        Int($0.filter { $0 != " " })
      }
      guard bounds.count <= 2, let first = bounds[0], let last = bounds[bounds.count - 1],
        first <= last, last < Self.limit
      else {
        throw RuntimeError(
          "process.execCPUAffinity.\(member): \(list): no list of CPUs",
          advice: "numbers and ranges below \(Self.limit), such as 0-3,7")
      }
      for cpu in first...last {
        // The system call wants whole words.
        while mask.count <= cpu / 8 { mask.append(contentsOf: [0, 0, 0, 0, 0, 0, 0, 0]) }
        mask[cpu / 8] |= 1 << UInt8(cpu % 8)
      }
    }
  }

  /// Keeps the calling process to the list; a nil list changes nothing.
  static func apply(_ list: String?, _ member: String) throws(RuntimeError) {
    guard let list else { return }
    let affinity = try CPUAffinity(list, member)
    try step(
      "process.execCPUAffinity.\(member)",
      advice: "at least one of the CPUs must be online and in the container's cpuset"
    ) { () throws(SystemError) in
      try system("sched_setaffinity", list) {
        unsafe cl_sched_setaffinity(affinity.mask, affinity.mask.count)
      }
    }
  }
}
