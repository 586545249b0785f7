import Foundation
import Harness
import Testing

/// Each namespace new, absent, or joined by path.
@Suite(.root) struct Namespaces {
  static let kinds = [
    ("pid", "pid"), ("network", "net"), ("ipc", "ipc"), ("uts", "uts"), ("mount", "mnt"),
    ("cgroup", "cgroup"),
  ]

  @Test(arguments: kinds) func aNewOneIsNotOurs(type: String, link: String) throws {
    try withSandbox { box in
      let container = try box.running { $0.namespace(type) }
      let process = try container.process()
      #expect(process.namespace(link) != nil)
      #expect(process.namespace(link) != ProcessView(getpid()).namespace(link))
    }
  }

  @Test(arguments: kinds.filter { $0.0 != "mount" })
  func anAbsentOneIsOurs(type: String, link: String) throws {
    try withSandbox { box in
      let container = try box.running {
        $0.dropNamespace(type)
        if type == "uts" { $0["hostname"] = nil }
        if type == "network" {
          $0.changeMount("/sys") {
            $0["type"] = "none"; $0["source"] = "/sys"; $0["options"] = ["rbind", "ro"]
          }
        }
      }
      #expect(
        try container.process().namespace(link) == ProcessView(getpid()).namespace(link))
    }
  }

  @Test(arguments: kinds.filter { $0.0 != "mount" && $0.0 != "cgroup" })
  func oneIsJoinedByPath(type: String, link: String) throws {
    try withSandbox { box in
      let first = try box.running()
      let process = try first.process()
      let second = try box.running {
        $0.namespace(type, path: "/proc/\(process.pid)/ns/\(link)")
        if type == "uts" { $0["hostname"] = nil }
      }
      #expect(try second.process().namespace(link) == process.namespace(link))
      try second.delete(force: true).ok("delete")
      #expect(process.isAlive, "the owner of the namespace lives on")
    }
  }

  @Test func pidOneInsideANewPidNamespace() throws {
    try withSandbox { box in
      let result = try box.run { $0.sh("echo $$; ls -d /proc/[0-9]* | wc -l") }
      #expect(result.lines.first == "1", "\(result)")
      #expect((Int(result.lines.last ?? "") ?? 99) <= 4)
    }
  }

  @Test func hostnameAndDomainname() throws {
    try withSandbox { box in
      let result = try box.run {
        $0["hostname"] = "inside"
        if Runtime.kind != .runc { $0["domainname"] = "example.org" }
        $0.sh("hostname; cat /proc/sys/kernel/domainname")
      }
      #expect(result.lines.first == "inside")
      if Runtime.kind != .runc { #expect(result.lines.last == "example.org") }
      #expect(Machine.read("/proc/sys/kernel/hostname") != "inside\n")
    }
  }

  @Test func loopbackIsUpInANewNetwork() throws {
    try withSandbox { box in
      let result = try box.run { $0.sh("ip addr show lo; ls /sys/class/net") }
      #expect(result.out.contains("127.0.0.1/8"))
      #expect(result.out.contains("UP"))
      #expect(result.lines.last == "lo")
    }
  }

  @Test func ipcIsEmpty() throws {
    try withSandbox { box in
      let result = try box.run {
        $0.sh("tail -n +2 /proc/sysvipc/shm; cat /proc/sys/kernel/msgmax")
      }
      #expect(result.code == 0)
      #expect(result.lines.count == 1)
    }
  }

  @Test func sysctlsOfTheNamespaces() throws {
    try withSandbox { box in
      let result = try box.run {
        $0["linux.sysctl"] = [
          "net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1", "fs.mqueue.msg_max": "17",
        ]
        $0.sh("cd /proc/sys; cat net/ipv4/ip_forward kernel/shm_rmid_forced fs/mqueue/msg_max")
      }
      #expect(result.lines == ["1", "1", "17"], "\(result)")
      #expect(Machine.read("/proc/sys/kernel/shm_rmid_forced") == "0\n")
    }
  }

  @Test(arguments: [
    ("kernel.pid_max", "100000"), ("vm.swappiness", "10"), ("net.ipv4.ip_forward/../../x", "1"),
    ("no.such.sysctl", "1"),
  ])
  func sysctlsOfTheHostAreRefused(name: String, value: String) throws {
    try withSandbox { box in
      let before = Machine.read("/proc/sys/vm/swappiness")
      let result = try box.run { $0["linux.sysctl"] = [name: value] }
      #expect(result.code != 0, "\(name)")
      #expect(Machine.read("/proc/sys/vm/swappiness") == before)
    }
  }

  @Test func sysctlOfTheHostsNetworkIsRefused() throws {
    try withSandbox { box in
      let result = try box.run {
        $0.dropNamespace("network")
        $0.dropMount("/sys")
        $0.dropMount("/sys/fs/cgroup")
        $0["linux.sysctl"] = ["net.ipv4.ip_forward": "1"]
      }
      #expect(result.code != 0)
    }
  }

  @Test func hostnameWithoutAUtsNamespaceIsRefused() throws {
    try withSandbox { box in
      let before = Machine.read("/proc/sys/kernel/hostname")
      let result = try box.run {
        $0.dropNamespace("uts")
        $0["hostname"] = "intruder"
      }
      #expect(result.code != 0)
      #expect(Machine.read("/proc/sys/kernel/hostname") == before)
    }
  }

  @Test func aNamespacePathOfTheWrongKindIsRefused() throws {
    try withSandbox { box in
      let result = try box.run { $0.namespace("network", path: "/proc/self/ns/uts") }
      #expect(result.code != 0)
      let missing = try box.run { $0.namespace("ipc", path: "/no/such/namespace") }
      #expect(missing.code != 0)
    }
  }

  @Test func aNamespaceTwiceIsRefused() throws {
    try withSandbox { box in
      let result = try box.run { $0.append("linux.namespaces", ["type": "ipc"]) }
      #expect(result.code != 0 || Runtime.kind == .crun, "\(result)")
    }
  }

  @Test func cgroupNamespaceShowsTheContainersCgroupAsRoot() throws {
    try withSandbox { box in
      let result = try box.run {
        $0.namespace("cgroup")
        $0.sh("cat /proc/self/cgroup")
      }
      #expect(result.code == 0)
      for line in result.lines { #expect(line.hasSuffix(":/"), "\(line)") }
    }
  }
}
