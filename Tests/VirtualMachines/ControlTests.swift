import CHarness
import Foundation
import Harness
import Testing

/// One machine, and every verb for a container that runs.
extension Machines {
  @Suite struct Control {
    @Test func everyVerbOnARunningMachine() throws {
      try withSandbox { box in
        let container = try box.container("vm", isolation: .vm) {
          $0["root.readonly"] = false
          $0["linux.resources.pids"] = ["limit": 60]
          $0["linux.resources.memory"] = ["limit": 256 << 20]
          $0.namespace("cgroup")
          $0.sh("trap 'echo got TERM; exit 9' TERM; echo ready; while :; do sleep 0.1; done")
        }
        try container.run("--detach").ok("run --detach")
        #expect(container.waitsForOutput("ready"))
        try theStateTellsTheMachine(container)
        try theListsHaveIt(container)
        try limits(container)
        try detachedProcess(container)
        try terminal(container)
        // A signal to the VMM's pid is one to the process.
        #expect(Foundation.kill(try container.pid(), SIGTERM) == 0)
        #expect(container.waits(for: "stopped"))
        #expect(container.output().contains("got TERM"), "\(container.output())")
        try container.delete().ok("delete")
      }
    }

    private func theStateTellsTheMachine(_ container: Container) throws {
      let state = try container.state()
      #expect(state["isolation"] as? String == "vm", "\(state)")
      #expect(state["isolationReason"] as? String == "--isolation=vm", "\(state)")
      let machine = state["machine"] as? [String: String] ?? [:]
      #expect(["kvm", "qemu"].contains(machine["engine"]), "\(state)")
      #expect(machine["kernel"]?.hasPrefix("/") == true && machine["processors"] == "1")
    }

    private func theListsHaveIt(_ container: Container) throws {
      let list = try container.sandbox.swrun("list", "--quiet").ok("list")
      #expect(list.lines == [container.id])
      let processes = try container.verb("ps", [], []).ok("ps")
      #expect(processes.out.contains("/bin/sh -c trap"), "\(processes)")
      let events = try container.verb("events", ["--stats"]).ok("events --stats")
      let object = try JSONSerialization.jsonObject(with: Data(events.out.utf8))
      let data = (object as? [String: Any])?["data"] as? [String: Any]
      let pids = data?["pids"] as? [String: Any]
      #expect((pids?["current"] as? Int ?? 0) >= 1, "of the guest's cgroup: \(events)")
      #expect(pids?["limit"] as? Int == 60, "\(events)")
    }

    private func limits(_ container: Container) throws {
      try container.verb("update", ["--pids-limit", "50", "--memory", "209715200"]).ok("update")
      let files = try container.sh("cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/memory.max")
      #expect(files.lines == ["50", "209715200"], "\(files)")
      refused(
        try container.verb("update", ["--memory", "80000000000"]),
        saying: ["memory.limit: 80000000000", "more than the VM has"])
    }

    private func detachedProcess(_ container: Container) throws {
      let file = container.sandbox.path("pid")
      let script =
        "trap 'echo got > /signal; exit' USR1; echo > /armed; while :; do sleep 0.1; done"
      try container.exec(["--detach", "--pid-file", file], "sh", "-c", script).ok("exec --detach")
      let process = ProcessView(Int32(Machine.read(file) ?? "") ?? -1)
      #expect(process.isAlive)
      let armed = container.rootfs + "/armed"
      #expect(eventually(timeout: 120) { Machine.read(armed) != nil })
      Foundation.kill(process.pid, SIGUSR1)
      #expect(eventually(timeout: 120) { !process.isAlive })
      #expect(Machine.read(container.rootfs + "/signal") == "got\n")
    }

    private func terminal(_ container: Container) throws {
      let box = container.sandbox
      let terminal = try PseudoTerminal(rows: 31, columns: 97)
      let script = "trap 'stty size' WINCH; stty size; while :; do sleep 0.1; done"
      let run = try box.spawn(
        ["exec", "--tty", container.id, "sh", "-c", script], input: .fd(terminal.slave),
        output: .fd(terminal.slave), error: .fd(terminal.slave), terminal: true)
      #expect(terminal.read(until: "31 97", timeout: 120).contains("31 97"))
      _ = ch_set_window(terminal.master, 44, 122)
      #expect(terminal.read(until: "44 122", timeout: 120).contains("44 122"))
      // Ctrl-C is for the process inside.
      terminal.write("\u{3}")
      #expect(try run.finish(timeout: container.isolation.timeout).code == 130)
      #expect(ch_is_raw(terminal.slave) == 0)
    }

    @Test func twoMachinesAtOnce() throws {
      try withSandbox { box in
        let shared = box.path("shared")
        mkdir(shared, 0o755)
        func machine(_ name: String, _ other: String) throws -> Container {
          try box.container(name, isolation: .vm) {
            $0.bind(shared, "/shared", "rw")
            $0["hostname"] = name
            $0.sh("hostname > /shared/\(name); until test -e /shared/\(other); do sleep 0.1; done")
          }
        }
        let pair = [try machine("left", "right"), try machine("right", "left")]
        let runs = try pair.map { try $0.start(foreground: []) }
        for run in runs {
          let result = try run.finish(timeout: 480)
          #expect(result.code == 0, "\(result)")
        }
        #expect(Machine.read(shared + "/left") == "left\n")
        #expect(Machine.read(shared + "/right") == "right\n")
      }
    }
  }
}
