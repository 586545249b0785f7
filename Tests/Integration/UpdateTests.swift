import Foundation
import Harness
import Testing

/// update and events --stats.
@Suite(.root) struct Update {
  struct Option: Sendable, CustomStringConvertible {
    let name: String
    let value: String
    let controller: String
    let v1: (file: String, text: String)
    let v2: (file: String, text: String)
    var description: String { name }

    init(
      _ name: String, _ value: String, _ controller: String, _ v1: (String, String),
      _ v2: (String, String)
    ) {
      self.name = name
      self.value = value
      self.controller = controller
      self.v1 = v1
      self.v2 = v2
    }
  }

  static let options = [
    Option(
      "--memory", "48000000", "memory", ("memory.limit_in_bytes", "47996928"),
      ("memory.max", "47996928")),
    Option(
      "--memory-reservation", "24002560", "memory", ("memory.soft_limit_in_bytes", "24002560"),
      ("memory.low", "24002560")),
    Option("--cpu-share", "256", "cpu", ("cpu.shares", "256"), ("cpu.weight", "10")),
    Option(
      "--cpu-quota", "30000", "cpu", ("cpu.cfs_quota_us", "30000"), ("cpu.max", "30000 100000")),
    Option(
      "--cpu-period", "40000", "cpu", ("cpu.cfs_period_us", "40000"), ("cpu.max", "max 40000")),
    Option("--cpuset-cpus", "0", "cpuset", ("cpuset.cpus", "0"), ("cpuset.cpus", "0")),
    Option("--cpuset-mems", "0", "cpuset", ("cpuset.mems", "0"), ("cpuset.mems", "0")),
    Option("--pids-limit", "44", "pids", ("pids.max", "44"), ("pids.max", "44")),
  ]

  @Test(arguments: options) func anOption(option: Option) throws {
    guard Machine.hasController(option.controller) else { return }
    try withSandbox { box in
      let container = try box.running()
      try box.swrun("update", option.name, option.value, container.id).ok("update")
      let expected = cgroupIsV1(option.controller) ? option.v1 : option.v2
      #expect(try file(container, option.controller, expected.file) == expected.text)
    }
  }

  @Test(.controller("memory")) func fromAFileAndFromStandardInput() throws {
    try withSandbox { box in
      let container = try box.running()
      let json =
        "{\"memory\": {\"limit\": 41943040}, \"pids\": {\"limit\": 21}, \"cpu\": {\"shares\": 300}}"
      try json.write(toFile: box.path("resources"), atomically: false, encoding: .utf8)
      try box.swrun("update", "--resources", box.path("resources"), container.id).ok(
        "update -r FILE")
      try check(container, memory: "41943040", pids: "21")
      let other = json.replacingOccurrences(of: "41943040", with: "50331648")
      try box.swrun("update", "-r", "-", container.id, input: .text(other)).ok("update -r -")
      try check(container, memory: "50331648", pids: "21")
    }
  }

  @Test(.controller("memory")) func whatIsNotNamedStays() throws {
    try withSandbox { box in
      let container = try box.running {
        $0["linux.resources.memory"] = ["limit": 33_554_432]
        $0["linux.resources.pids"] = ["limit": 20]
      }
      try box.swrun("update", "--pids-limit", "25", container.id).ok("update")
      try check(container, memory: "33554432", pids: "25")
    }
  }

  @Test(.v1("devices")) func theDeviceRulesStay() throws {
    try withSandbox { box in
      let container = try box.running()
      let before = try file(container, "devices", "devices.list")
      try box.swrun("update", "--pids-limit", "25", container.id).ok("update")
      #expect(try file(container, "devices", "devices.list") == before)
    }
  }

  @Test(.controller("pids")) func theDeviceRulesHoldAfterAnUpdate() throws {
    try withSandbox { box in
      let container = try box.running {
        $0.capabilities(["CAP_MKNOD"], in: ["bounding", "effective", "permitted"])
        $0["root.readonly"] = false
      }
      let before = try container.sh("mknod /loop b 7 6 && head -c 0 /loop")
      #expect(before.code != 0 && before.err.contains("not permitted"), "\(before)")
      try box.swrun("update", "--pids-limit", "25", container.id).ok("update")
      let after = try container.sh("head -c 0 /dev/zero && head -c 0 /loop")
      #expect(after.code != 0 && after.err.contains("loop: Operation not permitted"), "\(after)")
    }
  }

  @Test(.controller("cpu")) func aWrongValueIsRefused() throws {
    try withSandbox { box in
      let container = try box.running()
      for arguments in [
        ["--memory", "lots"], ["--cpu-share", "-x"], ["--resources", "/no/such/file"],
      ] {
        refused(try box.spawn(["update"] + arguments + [container.id]).finish())
      }
      refused(try box.swrun("update", "-r", "-", container.id, input: .text("{")))
    }
  }

  @Test func updateOfAStoppedContainerIsRefused() throws {
    try withSandbox { box in
      let container = try box.running()
      try container.kill("KILL").ok()
      #expect(container.waits(for: "stopped"))
      if Runtime.isSwrun { refused(try box.swrun("update", "--pids-limit", "9", container.id)) }
    }
  }

  @Test(.not(.crun, because: "crun 1.8.1 has no events"), .controller("memory"))
  func statistics() throws {
    try withSandbox { box in
      let container = try box.running {
        $0["linux.resources.memory"] = ["limit": 67_108_864]
        $0["linux.resources.pids"] = ["limit": 20]
      }
      let text = try box.swrun("events", "--stats", container.id).ok("events --stats").out
      let event = Config(
        try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:])
      #expect(event["type"] as? String == "stats")
      #expect(event["id"] as? String == container.id)
      #expect(event["data.memory.usage.limit"] as? Int == 67_108_864)
      #expect((event["data.memory.usage.usage"] as? Int ?? 0) > 0)
      #expect((event["data.cpu.usage.total"] as? Int ?? 0) > 0)
      #expect(event["data.pids.current"] as? Int == 1)
      #expect(event["data.pids.limit"] as? Int == 20)
    }
  }

  @Test(.not(.crun, because: "crun 1.8.1 has no events")) func statisticsAtAnInterval() throws {
    try withSandbox { box in
      let container = try box.running()
      let events = try box.spawn(["events", "--interval", "1s", container.id])
      try events.expect("\"type\":\"stats\"")
      try container.kill("KILL").ok()
      // runc goes on until the container is deleted.
      #expect(container.waits(for: "stopped"))
      try container.delete(force: true).ok()
      let result = try events.finish(timeout: 10)
      #expect(result.out.contains(container.id))
    }
  }

  private func check(_ container: Container, memory: String, pids: String) throws {
    let v1 = cgroupIsV1("memory")
    #expect(
      try file(container, "memory", v1 ? "memory.limit_in_bytes" : "memory.max") == memory)
    #expect(try file(container, "pids", "pids.max") == pids)
  }
}
