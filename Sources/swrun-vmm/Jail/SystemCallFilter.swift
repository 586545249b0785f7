internal import CLinux
internal import Linux

/// A system call that a filter lets pass, where the lower half of an argument says so too.
struct SystemCallRule {
  enum Condition: Equatable {
    case none
    /// The number of the argument, and the values that pass.
    case isOneOf(Int, [UInt32])
    /// The number of the argument, and the bits that don't pass.
    case lacks(Int, UInt32)
    /// Nothing passes, and the machine goes on: the call fails with EACCES.
    case refused
  }

  let call: UInt32
  let condition: Condition

  init(_ call: some BinaryInteger, _ condition: Condition = .none) {
    self.call = UInt32(call)
    self.condition = condition
  }
}

/// The lists of allowed system calls as what the kernel runs (seccomp(2)); any other call ends the
/// virtual machine with a line that names it.
enum SystemCallFilter {
  /// Loads the filter that all roles pass: before any thread is started.
  static func loadForAll() throws(RuntimeError) {
    try load(union(ThreadRole.allCases.map(\.calls) + [ThreadRole.starting]))
  }

  /// Loads a filter for the calling thread and those that it will start; of several filters each
  /// only takes away.
  static func load(_ rules: [SystemCallRule]) throws(RuntimeError) {
    let program = program(rules)
    try step("jail: system calls") { () throws(SystemError) in
      try system("seccomp") { unsafe cl_seccomp_load(program, UInt16(program.count)) }
    }
  }

  /// All that any of the lists allows. A call that two of them allow differently passes whole: each
  /// thread loads its own list behind this one.
  private static func union(_ lists: [[SystemCallRule]]) -> [SystemCallRule] {
    // By number, of which there are few hundred: a dictionary and its order would take longer than all else.
    var rules: [SystemCallRule?] = []
    for list in lists {
      for rule in list {
        let number = Int(rule.call)
        while rules.count <= number { rules.append(nil) }
        if let other = rules[number], other.condition != rule.condition {
          rules[number] = SystemCallRule(rule.call)
        } else {
          rules[number] = rule
        }
      }
    }
    return rules.compactMap { $0 }
  }

  /// A chain of comparisons: with some hundred calls a tree would not be noticed beside KVM_RUN.
  private static func program(_ rules: [SystemCallRule]) -> [sock_filter] {
    var program = [
      statement(CL_BPF_LOAD_WORD, UInt32(CL_SECCOMP_ARCHITECTURE)),
      // Another architecture has other numbers: 32-bit calls and x32 are none of ours.
      jump(CL_BPF_JUMP_EQUAL, CL_ARCHITECTURE, 1, 0),
      statement(CL_BPF_RETURN, CL_SECCOMP_TRAP),
      statement(CL_BPF_LOAD_WORD, UInt32(CL_SECCOMP_NUMBER)),
    ]
    for rule in rules {
      let body = verdict(rule.condition)
      program.append(jump(CL_BPF_JUMP_EQUAL, rule.call, 0, UInt8(body.count)))
      program += body
    }
    program.append(statement(CL_BPF_RETURN, CL_SECCOMP_TRAP))
    return program
  }

  /// What follows when the number is the rule's; it always returns.
  private static func verdict(_ condition: SystemCallRule.Condition) -> [sock_filter] {
    let allow = statement(CL_BPF_RETURN, CL_SECCOMP_ALLOW)
    let trap = statement(CL_BPF_RETURN, CL_SECCOMP_TRAP)
    switch condition {
    case .none: return [allow]
    case .refused: return [statement(CL_BPF_RETURN, CL_SECCOMP_REFUSE)]
    case .isOneOf(let index, let values):
      var body = [load(argument: index)]
      for (position, value) in values.enumerated() {
        // Over the comparisons that are left and `trap`.
        body.append(jump(CL_BPF_JUMP_EQUAL, value, UInt8(values.count - position), 0))
      }
      return body + [trap, allow]
    case .lacks(let index, let bits):
      return [load(argument: index), jump(CL_BPF_JUMP_ANY_BIT, bits, 0, 1), trap, allow]
    }
  }

  private static func load(argument index: Int) -> sock_filter {
    statement(CL_BPF_LOAD_WORD, UInt32(CL_SECCOMP_ARGUMENT) + 8 * UInt32(index))
  }

  private static func statement(_ code: some BinaryInteger, _ value: UInt32) -> sock_filter {
    sock_filter(code: UInt16(code), jt: 0, jf: 0, k: value)
  }

  private static func jump(
    _ code: some BinaryInteger, _ value: UInt32, _ equal: UInt8, _ other: UInt8
  ) -> sock_filter {
    sock_filter(code: UInt16(code), jt: equal, jf: other, k: value)
  }
}
