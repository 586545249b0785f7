import CLinux
import Linux
import OCISpec
import Testing

@testable import Seccomp

/// Filters as the kernel would run them, on x86-64.
@Suite struct FilterTests {
  @Test func everyActionOfARule() throws {
    let machine = try Filter(
      defaultAction: .log,
      syscalls: [
        Filter.rule("read", action: .allow), Filter.rule("mkdir", action: .errno),
        Filter.rule("rmdir", action: .errno, errno: 2), Filter.rule("link", action: .trace),
        Filter.rule("unlink", action: .trace, errno: 7), Filter.rule("sync", action: .kill),
        Filter.rule("chmod", action: .killProcess), Filter.rule("chown", action: .killThread),
        Filter.rule("socket", action: .trap), Filter.rule("openat2", action: .notify),
      ]
    ).machine()
    #expect(try machine.run(Number.read) == allow)
    #expect(try machine.run(Number.mkdir) == errno(1))
    #expect(try machine.run(84) == errno(2))
    #expect(try machine.run(86) == trace(1))
    #expect(try machine.run(87) == trace(7))
    #expect(try machine.run(Number.sync) == killThread)
    #expect(try machine.run(90) == killProcess)
    #expect(try machine.run(92) == killThread)
    #expect(try machine.run(Number.socket) == trap)
    #expect(try machine.run(Number.openat2) == notify)
    #expect(try machine.run(Number.write) == log)
  }

  @Test(arguments: [
    (Filter.Action.kill, killThread), (.killThread, killThread), (.killProcess, killProcess),
    (.trap, trap), (.errno, errno(1)), (.trace, trace(1)), (.allow, allow), (.log, log),
  ])
  func everyDefaultAction(_ action: Filter.Action, _ value: UInt32) throws {
    let other: Filter.Action = action == .allow ? .errno : .allow
    let machine = try Filter(
      defaultAction: action, syscalls: [Filter.rule("mkdir", action: other)]
    ).machine()
    #expect(try machine.run(Number.sync) == value)
    #expect(try machine.run(Number.mkdir) == (action == .allow ? errno(1) : allow))
  }

  @Test func theDefaultHasItsOwnErrno() throws {
    let machine = try Filter(
      defaultAction: .errno, defaultErrnoRet: 99,
      syscalls: [
        Filter.rule("read", action: .allow),
        // The same action with another errno is another action.
        Filter.rule("mkdir", action: .errno), Filter.rule("rmdir", action: .errno, errno: 99),
      ]
    ).machine()
    #expect(try machine.run(Number.sync) == errno(99))
    #expect(try machine.run(Number.mkdir) == errno(1))
    #expect(try machine.run(84) == errno(99))
  }

  @Test func unknownNamesAndRulesThatChangeNothingAreSkipped() throws {
    let machine = try Filter(
      defaultAction: .allow,
      syscalls: [
        Filter.rule("no_such_call", "mkdir", action: .errno), Filter.rule("read", action: .allow),
        Filter.rule("mkdir", action: .errno),
      ]
    ).machine()
    #expect(try machine.run(Number.mkdir) == errno(1))
    #expect(try machine.run(Number.read) == allow)
  }

  @Test(
    arguments: [
      (Filter.Operator.equal, [8]), (.notEqual, [7, 9]), (.less, [7]), (.lessOrEqual, [7, 8]),
      (.greater, [9]), (.greaterOrEqual, [8, 9]),
    ] as [(Filter.Operator, [UInt64])])
  func everyComparison(_ op: Filter.Operator, _ matching: [UInt64]) throws {
    // Above 32 bits: both halves count.
    let base: UInt64 = 0x1_0000_0000
    let machine = try Filter(
      defaultAction: .errno,
      syscalls: [
        Filter.rule(
          "personality", action: .allow, args: [.init(index: 0, value: base + 8, op: op)])
      ]
    ).machine()
    for value in [7, 8, 9] as [UInt64] {
      let expected = matching.contains(value) ? allow : errno(1)
      #expect(try machine.run(Number.personality, [base + value]) == expected, "\(value)")
    }
  }

  @Test func maskedComparison() throws {
    let machine = try Filter(
      defaultAction: .allow,
      syscalls: [
        Filter.rule(
          "socket", action: .errno,
          args: [.init(index: 1, value: 0xff, valueTwo: 3, op: .maskedEqual)])
      ]
    ).machine()
    #expect(try machine.run(Number.socket, [2, 0x803]) == errno(1))
    #expect(try machine.run(Number.socket, [2, 0x804]) == allow)
  }

  @Test func conditionsOnSeveralArgumentsAllHold() throws {
    let machine = try Filter(
      defaultAction: .allow,
      syscalls: [
        Filter.rule(
          "socket", action: .errno,
          args: [.init(index: 0, value: 16, op: .equal), .init(index: 2, value: 9, op: .equal)])
      ]
    ).machine()
    #expect(try machine.run(Number.socket, [16, 3, 9]) == errno(1))
    #expect(try machine.run(Number.socket, [16, 3, 8]) == allow)
    #expect(try machine.run(Number.socket, [17, 3, 9]) == allow)
  }

  @Test func conditionsOnOneArgumentAreAlternatives() throws {
    let machine = try Filter(
      defaultAction: .errno,
      syscalls: [
        Filter.rule(
          "personality", action: .allow,
          args: [.init(index: 0, value: 0, op: .equal), .init(index: 0, value: 8, op: .equal)])
      ]
    ).machine()
    #expect(try machine.run(Number.personality, [0]) == allow)
    #expect(try machine.run(Number.personality, [8]) == allow)
    #expect(try machine.run(Number.personality, [4]) == errno(1))
  }

  @Test func architecturesOtherThanTheNativeOneAreAsked() throws {
    let rules = [Filter.rule("mkdir", action: .errno)]
    let native = try Filter(defaultAction: .allow, syscalls: rules).machine()
    #expect(try native.run(39, arch: i386) == killThread)
    let both = try Filter(
      defaultAction: .allow, architectures: [.x86_64, .x86, .aarch64], syscalls: rules
    ).machine()
    #expect(try both.run(39, arch: i386) == errno(1))
    #expect(try both.run(3, arch: i386) == allow)
    #expect(try both.run(34, arch: aarch64) == allow)
    #expect(try both.run(Number.mkdir) == errno(1))
  }

  @Test func anArchitectureThatThisLibraryDoesNotKnowIsNamed() {
    let error = #expect(throws: RuntimeError.self) {
      try Filter(defaultAction: .allow, architectures: [.x86, .m68k]).compile()
    }
    #expect(
      error?.message
        == "linux.seccomp.architectures[1]: this libseccomp does not know SCMP_ARCH_M68K")
    let order = #expect(throws: RuntimeError.self) {
      try Filter(defaultAction: .allow, architectures: [.s390x]).compile()
    }
    #expect(order?.message.contains("architectures[0]: SCMP_ARCH_S390X") == true)
  }

  @Test func systemCallsNewerThanTheProfileAreENOSYS() throws {
    let rules = [Filter.rule("read", "openat2", action: .allow)]
    for action in [.errno, .kill, .killProcess, .trap] as [Filter.Action] {
      let machine = try Filter(
        defaultAction: action, architectures: [.x86_64, .x86], syscalls: rules
      ).machine()
      #expect(try machine.run(500) == errno(38))
      #expect(try machine.run(438) == errno(38))
      #expect(try machine.run(Number.openat2) == allow)
      #expect(try machine.run(436) == action.value(errno: nil))
      #expect(try machine.run(500, arch: i386) == errno(38))
      #expect(try machine.run(436, arch: i386) == action.value(errno: nil))
      #expect(try machine.run(3, arch: i386) == allow)
      // x32 is not asked for: libseccomp kills it, and numbers that no architecture has.
      #expect(try machine.run(0x4000_0000 | 500) == killThread)
      #expect(try machine.run(500, arch: aarch64) == killThread)
    }
  }

  @Test func theTwoArchitecturesOfOneAuditNumberHaveTheirOwnLimits() throws {
    let machine = try Filter(
      defaultAction: .errno, architectures: [.x32, .x86, .x86_64],
      syscalls: [Filter.rule("read", "execve", action: .allow)]
    ).machine()
    // execve is 59, on x32 520.
    #expect(try machine.run(60) == errno(38))
    #expect(try machine.run(59) == allow)
    #expect(try machine.run(0x4000_0000 | 519) == errno(1))
    #expect(try machine.run(0x4000_0000 | 520) == allow)
    #expect(try machine.run(0x4000_0000 | 521) == errno(38))
    #expect(try machine.run(12, arch: i386) == errno(38))
    #expect(try machine.run(11, arch: i386) == allow)
  }

  @Test func theProfileKeepsItsAnswerWhereENOSYSIsNotAskedFor() throws {
    let rules = [Filter.rule("openat2", action: .errno, errno: 5)]
    for action in [.allow, .log, .trace] as [Filter.Action] {
      let machine = try Filter(
        defaultAction: action, architectures: [.x86_64], syscalls: rules
      ).machine()
      #expect(try machine.run(500) == action.value(errno: nil))
    }
    // As in runc: an architecture that the section does not list has no limit.
    let unlisted = try Filter(defaultAction: .errno, syscalls: rules).machine()
    #expect(try unlisted.run(500) == errno(1))
  }

  @Test func whatNoFilterCanDoIsRefused() {
    func message(_ filter: Filter) -> String? {
      let error = #expect(throws: RuntimeError.self) {
        try CompiledFilter.prepare(filter, cacheDirectory: nil) { _ in }
      }
      return error?.message
    }
    #expect(message(Filter(defaultAction: .notify))?.contains("default action") == true)
    #expect(
      message(
        Filter(defaultAction: .allow, syscalls: [Filter.rule("read", "write", action: .notify)]))
        == "linux.seccomp.syscalls[0]: SCMP_ACT_NOTIFY cannot be used for write")
    #expect(
      message(Filter(defaultAction: .allow, defaultErrnoRet: 1))
        == "linux.seccomp.defaultErrnoRet: SCMP_ACT_ALLOW does not return an errno")
    #expect(
      message(
        Filter(
          defaultAction: .allow, syscalls: [Filter.rule("read", action: .kill, errno: 3)]))
        == "linux.seccomp.syscalls[0].errnoRet: SCMP_ACT_KILL does not return an errno")
    #expect(
      message(Filter(defaultAction: .allow, flags: [.waitKillableRecv]))?
        .contains("needs a rule with SCMP_ACT_NOTIFY") == true)
  }

  @Test func flags() throws {
    let quiet = Filter(defaultAction: .allow)
    #expect(try quiet.flagBits(needsListener: false) == 0)
    #expect(try quiet.flagBits(needsListener: true) == 8)
    let all = Filter(defaultAction: .allow, flags: [.threadSync, .log, .specAllow])
    #expect(try all.flagBits(needsListener: false) == 7)
    // TSYNC with a listener needs TSYNC_ESRCH (seccomp(2)).
    #expect(try all.flagBits(needsListener: true) == 0b11111)
  }

  @Test func features() {
    #expect(SeccompFeatures.actions.count == 9)
    #expect(SeccompFeatures.operators.first == "SCMP_CMP_EQ")
    #expect(SeccompFeatures.archs.contains("SCMP_ARCH_X86_64"))
    #expect(!SeccompFeatures.archs.contains("SCMP_ARCH_M68K"))
    #expect(SeccompFeatures.knownFlags.count == 4)
    #expect(SeccompFeatures.supportedFlags.contains("SECCOMP_FILTER_FLAG_TSYNC"))
  }
}
