import Foundation
import Harness
import Testing

/// Resources as the files of the container's cgroup show them, on v1 and on v2.
@Suite(.root) struct Cgroups {
  struct Limit: Sendable, CustomStringConvertible {
    let controller: String
    let path: String
    let value: any Sendable
    let v1: (file: String, text: String)
    let v2: (file: String, text: String)?
    var description: String { path }
  }

  static let limits = [
    Limit(
      controller: "memory", path: "memory.limit", value: 64 << 20,
      v1: ("memory.limit_in_bytes", "67108864"), v2: ("memory.max", "67108864")),
    Limit(
      controller: "memory", path: "memory.reservation", value: 32 << 20,
      v1: ("memory.soft_limit_in_bytes", "33554432"), v2: ("memory.low", "33554432")),
    Limit(
      controller: "memory", path: "memory.swappiness", value: 7,
      v1: ("memory.swappiness", "7"), v2: nil),
    Limit(
      controller: "memory", path: "memory.disableOOMKiller", value: true,
      v1: ("memory.oom_control", "oom_kill_disable 1"), v2: nil),
    Limit(
      controller: "cpu", path: "cpu.shares", value: 512, v1: ("cpu.shares", "512"),
      v2: ("cpu.weight", "20")),
    Limit(
      controller: "cpu", path: "cpu.quota", value: 50000, v1: ("cpu.cfs_quota_us", "50000"),
      v2: ("cpu.max", "50000 100000")),
    Limit(
      controller: "cpu", path: "cpu.period", value: 50000, v1: ("cpu.cfs_period_us", "50000"),
      v2: ("cpu.max", "max 50000")),
    Limit(
      controller: "cpuset", path: "cpu.cpus", value: "0", v1: ("cpuset.cpus", "0"),
      v2: ("cpuset.cpus", "0")),
    Limit(
      controller: "cpuset", path: "cpu.mems", value: "0", v1: ("cpuset.mems", "0"),
      v2: ("cpuset.mems", "0")),
    Limit(
      controller: "pids", path: "pids.limit", value: 33, v1: ("pids.max", "33"),
      v2: ("pids.max", "33")),
  ]

  @Test(arguments: limits) func aLimit(limit: Limit) throws {
    guard Machine.hasController(limit.controller) else { return }
    try withSandbox { box in
      let edit: (inout Config) -> Void = { $0["linux.resources.\(limit.path)"] = limit.value }
      guard let expected = cgroupIsV1(limit.controller) ? limit.v1 : limit.v2 else {
        // What v2 has no file for is an error that names it; crun and runc leave some of it out.
        if Runtime.isSwrun { refused(try box.run(edit), saying: [limit.path]) }
        return
      }
      let container = try box.running(edit)
      let text = try file(container, limit.controller, expected.file)
      #expect(text.contains(expected.text), "\(expected.file): \(text)")
    }
  }

  @Test(.controller("blkio")) func throttledDevices() throws {
    try withSandbox { box in
      let throttle: (Int) -> [[String: Any]] = { [["major": 7, "minor": 0, "rate": $0]] }
      let container = try box.running {
        $0["linux.resources.blockIO"] = [
          "throttleReadBpsDevice": throttle(1_048_576),
          "throttleWriteBpsDevice": throttle(2_097_152),
          "throttleReadIOPSDevice": throttle(100), "throttleWriteIOPSDevice": throttle(200),
        ]
      }
      guard cgroupIsV1("blkio") else {
        let text = try file(container, "io", "io.max")
        #expect(text == "7:0 rbps=1048576 wbps=2097152 riops=100 wiops=200")
        return
      }
      for (name, value) in [
        ("read_bps", 1_048_576), ("write_bps", 2_097_152), ("read_iops", 100), ("write_iops", 200),
      ] {
        let text = try file(container, "blkio", "blkio.throttle.\(name)_device")
        #expect(text.contains("7:0 \(value)"), "\(name): \(text)")
      }
    }
  }

  @Test(.controller("pids")) func theLimitOfProcessesHolds() throws {
    try withSandbox { box in
      let result = try box.run {
        $0["linux.resources.pids"] = ["limit": 5]
        $0.sh("for i in 1 2 3 4 5 6 7 8; do sleep 1 & done 2>&1; wait")
      }
      #expect(result.out.contains("can't fork"), "\(result)")
    }
  }

  @Test(.controller("memory")) func theLimitOfMemoryHolds() throws {
    try withSandbox { box in
      let result = try box.run {
        $0["linux.resources.memory"] = ["limit": 16 << 20]
        $0.sh("head -c 200m /dev/zero | tail -c 150m | wc -c; echo after")
      }
      #expect(!result.out.contains("\(150 << 20)"), "\(result)")
    }
  }

  @Test(.controller("memory"), .not(.crun, because: "crun 1.8.1 writes -1 into pids.max"))
  func unlimitedMemoryAndPids() throws {
    try withSandbox { box in
      let container = try box.running {
        $0["linux.resources.memory"] = ["limit": -1]
        $0["linux.resources.pids"] = ["limit": -1]
      }
      #expect(try file(container, "pids", "pids.max") == "max")
    }
  }

  @Test func everyControllerHasTheContainer() throws {
    try withSandbox { box in
      let container = try box.running()
      let pid = try container.pid()
      for hierarchy in Machine.hierarchies {
        // "" is the unified one, which on a hybrid machine need not have the container.
        guard let name = hierarchy.controllers.first ?? (Machine.cgroups == .unified ? "" : nil)
        else { continue }
        let path = ProcessView(pid).cgroup(name) ?? ""
        #expect(path.contains(container.id), "\(name): \(path)")
        let members = Machine.read(path + "/cgroup.procs") ?? ""
        #expect(members.split(separator: "\n").contains("\(pid)"), "\(name)")
      }
    }
  }

  @Test(.v2) func unifiedFiles() throws {
    try withSandbox { box in
      let files = [
        "memory.high": "50331648", "memory.swap.max": "0", "cpu.weight": "77", "pids.max": "31",
        "cpu.max": "40000 80000", "memory.oom.group": "1",
      ]
      let container = try box.running { $0["linux.resources.unified"] = files }
      for (name, text) in files { #expect(try file(container, "", name) == text, "\(name)") }
      let unknown = try box.container {
        $0["linux.resources.unified"] = ["memory.nosuch": "1"]
        $0.args("true")
      }
      refused(try unknown.run())
    }
  }

  @Test(.v2) func everyControllerIsThereForTheContainersOwnCgroups() throws {
    try withSandbox { box in
      let container = try box.running()
      let own = try file(container, "", "cgroup.controllers").split(separator: " ")
      let all = (Machine.read("/sys/fs/cgroup/cgroup.controllers") ?? "")
        .split(whereSeparator: \.isWhitespace)
      #expect(Set(own) == Set(all))
    }
  }

  @Test func theGivenPathIsUsed() throws {
    try withSandbox { box in
      let container = try box.running { $0["linux.cgroupsPath"] = "/\(box.tag)-slice/nested/leaf" }
      let path = try container.process().cgroup("pids") ?? ""
      #expect(path.hasSuffix("/\(box.tag)-slice/nested/leaf"), "\(path)")
      try container.delete(force: true).ok("delete")
      #expect(access(path, F_OK) != 0)
      // The parents that the runtime made are not its to remove: others may have come to use them.
      removeParents(box.tag + "-slice")
    }
  }

  @Test func aRelativePath() throws {
    try withSandbox { box in
      let container = try box.running { $0["linux.cgroupsPath"] = "\(box.tag)-relative" }
      let path = try container.process().cgroup("pids") ?? ""
      #expect(path.hasSuffix("/\(box.tag)-relative"), "\(path)")
    }
  }

  @Test(
    .not(.crun, because: "crun 1.8.1 resolves it on the host"),
    arguments: ["/../../swescape", "../../../swescape", "/a/../../../swescape"])
  func aPathThatClimbsOutStaysBelowTheRoot(path: String) throws {
    try withSandbox { box in
      let container = try box.container {
        $0["linux.cgroupsPath"] = path.replacingOccurrences(of: "swescape", with: box.tag)
        $0.args("sleep", "1000")
      }
      let result = try container.run("--detach")
      if result.code == 0 {
        let cgroup = try container.process().cgroup("pids") ?? ""
        #expect(!cgroup.contains(".."), "\(cgroup)")
        try container.delete(force: true).ok("delete")
        removeParents(box.tag)
        for hierarchy in Machine.hierarchies { rmdir(hierarchy.path + "/a") }
      }
    }
  }

  @Test(.freezer) func pauseAndResume() throws {
    try withSandbox { box in
      let container = try box.running {
        $0.sh("i=0; while :; do i=$((i+1)); echo $i; usleep 10000; done")
      }
      #expect(container.waitsForOutput("3"))
      try container.pause().ok("pause")
      #expect(try container.status() == "paused")
      let before = container.output().count
      usleep(200_000)
      #expect(container.output().count == before, "a paused container does nothing")
      refused(try container.exec([], "true"), saying: ["paused"])
      refused(try container.delete())
      try container.resume().ok("resume")
      #expect(try container.status() == "running")
      #expect(eventually { container.output().count > before })
    }
  }

  @Test(.freezer) func aPausedContainerIsDeletedByForce() throws {
    try withSandbox { box in
      let container = try box.running()
      let process = try container.process()
      try container.pause().ok("pause")
      try container.delete(force: true).ok("delete --force")
      #expect(eventually { !process.isAlive })
    }
  }

  @Test(.freezer) func killReachesAPausedContainer() throws {
    try withSandbox { box in
      let container = try box.running()
      try container.pause().ok("pause")
      _ = try container.kill("KILL")
      _ = try container.resume()
      #expect(container.waits(for: "stopped"))
    }
  }

  @Test(.not(.crun, because: "crun 1.8.1 ends both"))
  func twoContainersInOneCgroupAreRefusedOrShareIt() throws {
    try withSandbox { box in
      let shared = "/\(box.tag)-shared"
      let first = try box.running { $0["linux.cgroupsPath"] = shared }
      let second = try box.container {
        $0["linux.cgroupsPath"] = shared
        $0.args("sleep", "1000")
      }
      let result = try second.run("--detach")
      if result.code == 0 { try second.delete(force: true).ok("delete") }
      #expect(try first.status() == "running", "another container's delete spares this one")
      #expect(try first.process().isAlive)
    }
  }

  private func removeParents(_ name: String) {
    for hierarchy in Machine.hierarchies {
      _ = try? host(
        "find", hierarchy.path, "-depth", "-type", "d", "-path", "*\(name)*", "-exec", "rmdir",
        "{}", ";")
    }
  }
}

func cgroupIsV1(_ controller: String) -> Bool {
  Machine.hierarchies.contains { $0.controllers.contains(controller) }
}

/// The text of a file in the container's cgroup, without its last newline.
func file(_ container: Container, _ controller: String, _ name: String) throws -> String {
  guard let path = try container.process().cgroup(controller),
    let text = Machine.read("\(path)/\(name)")
  else { throw HarnessError("no \(name) in the \(controller) cgroup of \(container.id)") }
  return text.trimmingCharacters(in: .newlines)
}
