internal import JSON

extension Spec.Process {
  /// Fails on the first rule of config.md, "Process", that the process breaks.
  public func check() throws(Fault) {
    try within("args") { () throws(Fault) in try require(!args.isEmpty, "is empty") }
    try within("cwd") { () throws(Fault) in try requireAbsolute(cwd) }
    try within("consoleSize") { () throws(Fault) in
      // The kernel holds both in 16 bits (TIOCSWINSZ).
      try within("height") { () throws(Fault) in try requireRange(consoleSize?.height, 0...65535) }
      try within("width") { () throws(Fault) in try requireRange(consoleSize?.width, 0...65535) }
    }
    try within("user") { () throws(Fault) in try user.check() }
    try within("rlimits") { () throws(Fault) in
      var kinds: [Rlimit.Kind] = []
      try each(rlimits) { limit throws(Fault) in
        try within("type") { () throws(Fault) in
          try require(!kinds.contains(limit.type), "\(limit.type.rawValue) is limited twice")
          kinds.append(limit.type)
        }
        try within("soft") { () throws(Fault) in
          try require(
            limit.soft <= limit.hard, "\(limit.soft) is above the hard limit of \(limit.hard)")
        }
      }
    }
    try within("oomScoreAdj") { () throws(Fault) in try requireRange(oomScoreAdj, -1000...1000) }
    try within("scheduler") { () throws(Fault) in try scheduler?.check() }
    try within("ioPriority") { () throws(Fault) in
      try within("priority") { () throws(Fault) in try requireRange(ioPriority?.priority, 0...7) }
    }
    try within("execCPUAffinity") { () throws(Fault) in
      try within("initial") { () throws(Fault) in
        try requireList(execCPUAffinity?.initial)
      }
      try within("final") { () throws(Fault) in try requireList(execCPUAffinity?.final) }
    }
  }
}

extension Spec.Process.User {
  func check() throws(Fault) {
    // The id 4294967295 is -1, which setuid(2) and setgid(2) take for "no change".
    try within("uid") { () throws(Fault) in try require(uid != .max, "\(uid) is no id") }
    try within("gid") { () throws(Fault) in try require(gid != .max, "\(gid) is no id") }
    try within("additionalGids") { () throws(Fault) in
      try each(additionalGids) { gid throws(Fault) in try require(gid != .max, "\(gid) is no id") }
    }
    try within("umask") { () throws(Fault) in
      if let umask {
        try require(umask <= 0o777, "0\(String(umask, radix: 8)) has bits beyond 0777")
      }
    }
  }
}

extension Spec.Process.Scheduler {
  func check() throws(Fault) {
    try within("nice") { () throws(Fault) in try requireRange(nice, -20...19) }
    try within("priority") { () throws(Fault) in
      try require(
        priority == 0 || policy == .fifo || policy == .roundRobin,
        "needs the policy SCHED_FIFO or SCHED_RR")
      try requireRange(priority, 0...99)
    }
    let deadlines = [("runtime", runtime), ("deadline", deadline), ("period", period)]
    for (member, value) in deadlines where value != 0 && policy != .deadline {
      throw Fault("needs the policy SCHED_DEADLINE").inside(.member(member))
    }
  }
}

/// Fails unless a list of CPUs or nodes has the characters that the kernel's bitmap lists have:
/// `0-3,7`, `0-31:2/4`, `all`, `N`.
func requireList(_ list: String?) throws(Fault) {
  guard let list else { return }
  let isList = list.utf8.allSatisfy { "0123456789,-: /allN".utf8.contains($0) }
  try require(isList, "\(quoted(list)) is not a list such as 0-3,7")
}
