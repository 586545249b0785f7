import Foundation
import Harness
import Testing

/// A VM as the state directory shows it: a process in the VMM's place, and an agent at the socket.
private final class MachineDouble {
  let id: String
  let agent: AgentDouble
  let monitor: Child
  private let box: Sandbox

  init(_ box: Sandbox) throws {
    self.box = box
    id = box.name("vm")
    let directory = "\(box.root)/\(id)"
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    monitor = try Child(["sleep", "1000"], environment: box.environment)
    let stat = try String(contentsOfFile: "/proc/\(monitor.pid)/stat", encoding: .utf8)
    let start = stat.components(separatedBy: ") ").last?.split(separator: " ")[19] ?? "0"
    let record: [String: Any] = [
      "format": 1, "id": id, "ociVersion": "1.2.0", "bundle": "/b", "rootfs": "/",
      "created": "2026-01-01T00:00:00Z", "owner": 0, "pid": Int(monitor.pid),
      "startTime": Int(start) ?? 0, "annotations": [:] as [String: String], "isolation": "vm",
      "isolationReason": "--vm", "cgroupManager": "disabled",
      "machine": ["memory": "268435456", "processors": "1"],
    ]
    try JSONSerialization.data(withJSONObject: record)
      .write(to: URL(fileURLWithPath: "\(directory)/status"))
    let container = try box.container("bundle", rootfs: true)
    try FileManager.default.copyItem(
      atPath: "\(container.bundle)/config.json", toPath: "\(directory)/config.json")
    agent = try AgentDouble(path: "\(directory)/vsock")
  }

  func swrun(_ arguments: String..., input: Input = .null) throws -> Outcome {
    try box.spawn(arguments, input: input).finish(timeout: 60)
  }

  func end() throws {
    agent.stop()
    try swrun("delete", "--force", id).ok("delete --force")
  }
}

/// Verbs on a VM whose agent is the test's: what swrun itself does is judged here.
@Suite(.root, .swrunOnly) struct VerbsOnMachines {
  private func withMachine(_ body: (Sandbox, MachineDouble) throws -> Void) throws {
    try withSandbox { box in
      let machine = try MachineDouble(box)
      do { try body(box, machine) } catch {
        try? machine.end()
        throw error
      }
      try machine.end()
    }
  }

  @Test func aProcessHasItsStreamsAndItsCode() throws {
    try withMachine { _, machine in
      let result = try machine.swrun("exec", machine.id, "echo", "a", "b")
      #expect(result.code == 0 && result.out == "a b\n", "\(result)")
      let failed = try machine.swrun("exec", machine.id, "fail")
      #expect(failed.code == 9 && failed.err == "err\n", "\(failed)")
      let text = String(repeating: "0123456789", count: 500)
      let copied = try machine.swrun("exec", machine.id, "cat", input: .text(text))
      #expect(copied.code == 0 && copied.out == text, "\(copied)")
    }
  }

  @Test func aProgramThatIsNotThereIsToldAsInAContainer() throws {
    try withMachine { _, machine in
      let result = try machine.swrun("exec", machine.id, "missing")
      #expect(result.code == 127, "\(result)")
      #expect(result.err.contains("exec: \"missing\": not found (look)"), "\(result)")
    }
  }

  @Test func theProcessOnTheHostForwardsSignalsAndHoldsNothing() throws {
    try withMachine { box, machine in
      let file = box.path("pid")
      try machine.swrun("exec", "--detach", "--pid-file", file, machine.id, "wait").ok()
      let pid = Int32(try String(contentsOfFile: file, encoding: .utf8)) ?? -1
      let status = ProcessView(pid).status
      for set in ["CapEff", "CapPrm", "CapInh"] {
        #expect(status?.capabilities(set) == [], "\(set)")
      }
      #expect(status?["NoNewPrivs"] == "1")
      let links = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").compactMap
      {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\($0)")
      }
      #expect(!links.contains { $0.hasPrefix(box.root) || $0.contains("pidfd") }, "\(links)")
      kill(pid, SIGUSR1)
      #expect(eventually(timeout: 20) { machine.agent.log.contains("signal 10") })
    }
  }

  @Test func theEndOfTheProcessOnTheHostEndsTheGuests() throws {
    try withMachine { box, machine in
      let file = box.path("pid")
      try machine.swrun("exec", "--detach", "--pid-file", file, machine.id, "wait").ok()
      kill(Int32(try String(contentsOfFile: file, encoding: .utf8)) ?? -1, SIGKILL)
      #expect(eventually(timeout: 20) { machine.agent.log.contains("gone") })
    }
  }

  @Test func descriptorsOfTheHostAreAClearError() throws {
    try withMachine { _, machine in
      let result = try machine.swrun("exec", "--preserve-fds", "1", machine.id, "echo")
      #expect(result.code == 255 && result.err.contains("--preserve-fds=1"), "\(result)")
    }
  }

  @Test func psShowsTheGuestsProcesses() throws {
    try withMachine { _, machine in
      #expect(try machine.swrun("ps", "--format", "json", machine.id).line == "[7]")
      let table = try machine.swrun("ps", machine.id).lines
      #expect(table.count == 2)
      #expect(table.last?.hasPrefix("root         7     1 ") == true, "\(table)")
      #expect(table.last?.contains("pts/0    01:01:01 sh ") == true, "\(table)")
      #expect(table.last?.utf8.contains(0x1b) == false)
      #expect(try machine.swrun("ps", machine.id, "-ef").code == 1)
    }
  }

  @Test func eventsAreTheGuests() throws {
    try withMachine { box, machine in
      let once = try machine.swrun("events", "--stats", machine.id)
      #expect(once.out == "{\"type\":\"stats\",\"id\":\"x\",\"data\":{}}\n", "\(once)")
      let watching = try box.spawn(["events", "--interval", "1h", machine.id])
      // The events end with the container's first process.
      #expect(eventually(timeout: 20) { machine.agent.log == ["watchOOM"] })
      machine.monitor.signal(SIGKILL)
      let result = try watching.finish(timeout: 60)
      #expect(result.out == "{\"type\":\"oom\",\"id\":\"\(machine.id)\"}\n", "\(result)")
    }
  }

  @Test func signalsToAllAndLimitsGoToTheGuest() throws {
    try withMachine { _, machine in
      try machine.swrun("kill", "--all", machine.id, "USR2").ok()
      try machine.swrun("update", "--pids-limit", "5", machine.id).ok()
      #expect(machine.agent.log == ["signalAll 12", "update"])
      let tooLarge = try machine.swrun("update", "--memory", "268435457", machine.id)
      #expect(tooLarge.code == 1, "\(tooLarge)")
      #expect(tooLarge.err.contains("268435457") && tooLarge.err.contains("268435456"))
    }
  }

  @Test func killWithAllNeedsNoGuest() throws {
    try withMachine { _, machine in
      machine.agent.stop()
      try machine.swrun("kill", "--all", machine.id, "KILL").ok()
      #expect(eventually(timeout: 20) { !ProcessView(machine.monitor.pid).isAlive })
    }
  }

  @Test func aGuestThatHangsKeepsNoCommandThatEndsIt() throws {
    try withMachine { box, machine in
      let hanging = try box.spawn(["exec", machine.id, "hang"])
      #expect(eventually(timeout: 20) { machine.agent.log == ["hang"] })
      try machine.swrun("delete", "--force", machine.id).ok()
      hanging.signal(SIGKILL)
    }
  }
}
