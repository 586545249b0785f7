import Foundation
import Harness
import Testing

/// The five sets of process.capabilities.
@Suite(.root) struct Capabilities {
  static let kill = 5
  static let netBind = 10
  static let sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]

  @Test func allFiveSets() throws {
    try withSandbox { box in
      let status = try status(box) { $0.capabilities(["CAP_KILL", "CAP_NET_BIND_SERVICE"]) }
      for set in Self.sets {
        #expect(status.capabilities(set) == [Self.kill, Self.netBind], "\(set)")
      }
    }
  }

  @Test func eachSetAlone() throws {
    try withSandbox { box in
      let status = try status(box) {
        $0.capabilities([])
        $0.capabilities(["CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_CHOWN"], in: ["bounding"])
        $0.capabilities(["CAP_KILL", "CAP_NET_BIND_SERVICE"], in: ["permitted"])
        $0.capabilities(["CAP_KILL"], in: ["effective"])
        $0["process.user"] = ["uid": 1000, "gid": 1000]
        $0.capabilities(["CAP_NET_BIND_SERVICE"], in: ["inheritable", "ambient"])
      }
      #expect(status.capabilities("CapBnd") == [0, Self.kill, Self.netBind])
      // The exec of a user other than root keeps the ambient ones alone.
      #expect(status.capabilities("CapPrm") == [Self.netBind])
      #expect(status.capabilities("CapEff") == [Self.netBind])
      #expect(status.capabilities("CapInh") == [Self.netBind])
      #expect(status.capabilities("CapAmb") == [Self.netBind])
    }
  }

  @Test func noneAtAll() throws {
    try withSandbox { box in
      let status = try status(box) { $0["process.capabilities"] = nil }
      for set in Self.sets { #expect(status.capabilities(set) == [], "\(set)") }
    }
  }

  @Test func emptyLists() throws {
    try withSandbox { box in
      let status = try status(box) { $0.capabilities([]) }
      for set in Self.sets { #expect(status.capabilities(set) == [], "\(set)") }
    }
  }

  /// CVE-2022-29162 and CVE-2022-27650: inheritable capabilities that nobody asked for.
  @Test func inheritableAndAmbientAreEmptyUnlessAsked() throws {
    try withSandbox { box in
      let status = try status(box) { _ in }
      #expect(status.capabilities("CapInh") == [])
      #expect(status.capabilities("CapAmb") == [])
    }
  }

  @Test func allThatTheCallerHas() throws {
    try withSandbox { box in
      let own = ProcStatus(Machine.read("/proc/self/status") ?? "").capabilities("CapPrm")
      let names = Self.names.enumerated().filter { own.contains($0.offset) }.map(\.element)
      let status = try status(box) { $0.capabilities(names) }
      for set in Self.sets {
        #expect(status.capabilities(set) == own.intersection(Self.names.indices), "\(set)")
      }
    }
  }

  /// runc ignores what it does not know with a warning; the specification asks for no more.
  @Test func anUnknownOneIsSaid() throws {
    try withSandbox { box in
      let result = try box.run {
        $0.capabilities(["CAP_KILL", "CAP_NO_SUCH"], in: ["bounding", "effective", "permitted"])
        $0.args("cat", "/proc/self/status")
      }
      if result.code == 0 {
        #expect(ProcStatus(result.out).capabilities("CapEff") == [Self.kill])
      }
      if Runtime.kind != .crun { #expect(result.err.contains("CAP_NO_SUCH"), "\(result)") }
    }
  }

  @Test func aCapabilityWorksAndItsAbsenceIsFelt() throws {
    try withSandbox { box in
      for (names, expected) in [(["CAP_CHOWN"], "changed"), ([], "refused")] {
        let result = try box.run {
          $0["root.readonly"] = false
          $0.capabilities(names)
          $0.sh("chown 5:5 /etc/group 2>/dev/null && echo changed || echo refused")
        }
        #expect(result.line == expected, "\(names)")
      }
    }
  }

  private func status(_ box: Sandbox, _ edit: (inout Config) -> Void) throws -> ProcStatus {
    let result = try box.run {
      edit(&$0)
      $0.args("cat", "/proc/self/status")
    }
    return ProcStatus(try result.ok("run").out)
  }

  static let names = [
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
    "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
    "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
    "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
    "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
    "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
  ].map { "CAP_" + $0 }
}
