import CHarness
import Foundation
import Harness
import Testing

/// Processes of ours that are killed, and shares that go, leave nothing that cannot be deleted.
extension Machines {
  @Suite struct Crash {
    /// The VMM and what it has started.
    private func family(_ pid: Int32) -> [ProcessView] {
      let children = Machine.read("/proc/\(pid)/task/\(pid)/children") ?? ""
      return [ProcessView(pid)]
        + children.split(separator: " ").compactMap { Int32($0).map { ProcessView($0) } }
    }

    @Test func theMonitorIsKilled() throws {
      try withSandbox { box in
        let container = try box.runningMachine()
        let processes = family(try container.pid())
        if Machines.engine == "qemu" { #expect(processes.count == 2, "qemu is the VMM's child") }
        #expect(Foundation.kill(processes[0].pid, SIGKILL) == 0)
        #expect(container.waits(for: "stopped"))
        for process in processes { #expect(eventually(timeout: 30) { !process.isAlive }) }
        refused(try container.exec([], "true"))
        try container.delete().ok("delete")
        #expect(!container.hasState)
      }
    }

    @Test func theCommandInTheForegroundIsKilled() throws {
      try withSandbox { box in
        let container = try box.machine {
          $0["root.readonly"] = false
          $0.sh("echo ready; exec sleep 1000")
        }
        let run = try container.start(foreground: [])
        try run.expect("ready", timeout: container.isolation.timeout)
        let processes = family(try container.pid())
        run.signal(SIGKILL)
        #expect(try run.finish().code == 137)
        // As with a container, the process outlives who waited for it.
        #expect(try container.status() == "running")
        try theShareGoes(container)
        try container.delete(force: true).ok("delete --force")
        #expect(!container.hasState)
        for process in processes { #expect(eventually(timeout: 30) { !process.isAlive }) }
      }
    }

    /// A boot that never ends, which has begun.
    private func booting(_ box: Sandbox) throws -> (container: Container, run: Child) {
      let kernel = try StuckKernel.make(in: box)
      let container = try box.machine { $0.isolate(["dev.swrun.vm.kernel": kernel]) }
      let run = try container.start(foreground: [])
      let console = "\(box.root)/\(container.id)/console"
      let begun = eventually(timeout: container.isolation.timeout) {
        Machine.read(console)?.contains(StuckKernel.line) == true
      }
      #expect(begun, "\(Machine.read(console) ?? "no console")")
      return (container, run)
    }

    @Test func theMonitorIsKilledWhileItsGuestBoots() throws {
      try withSandbox { box in
        let (container, run) = try booting(box)
        let processes = family(try container.pid())
        #expect(Foundation.kill(processes[0].pid, SIGKILL) == 0)
        let result = try run.finish(timeout: container.isolation.timeout)
        refused(result, saying: ["signal 9", "last console lines:\n  \(StuckKernel.line)"])
        #expect(result.code == 255)
        #expect(!container.hasState)
        for process in processes { #expect(eventually(timeout: 30) { !process.isAlive }) }
      }
    }

    @Test(.enabled(if: Machines.engine == "qemu", "the VMM has no child that can be killed"))
    func theEmulatorIsKilledWhileItsGuestBoots() throws {
      try withSandbox { box in
        let (container, run) = try booting(box)
        let processes = family(try container.pid())
        #expect(Foundation.kill(try #require(processes.last).pid, SIGKILL) == 0)
        let result = try run.finish(timeout: container.isolation.timeout)
        refused(
          result,
          saying: ["qemu was ended by signal 9", "last console lines:\n  \(StuckKernel.line)"])
        #expect(result.code == 255)
        #expect(!container.hasState)
      }
    }

    @Test func theCommandIsKilledWhileItsGuestBoots() throws {
      try withSandbox { box in
        let (container, run) = try booting(box)
        let processes = family(try container.pid())
        run.signal(SIGKILL)
        #expect(try run.finish().code == 137)
        // Nobody is left who could start the container.
        for process in processes { #expect(eventually(timeout: 60) { !process.isAlive }) }
        try container.delete(force: true).ok("delete --force")
        #expect(!container.hasState)
      }
    }

    @Test(.enabled(if: Machines.engine == "qemu", "the VMM has no child that can be killed"))
    func theMachineEndsBehindItsProcess() throws {
      try withSandbox { box in
        var fds: [Int32] = [-1, -1]
        #expect(ch_pipe(&fds) == 0)
        let container = try box.machine { $0.sh("head -c 100000 /dev/zero; exit 7") }
        let run = try container.start(output: .fd(fds[1]))
        close(fds[1])
        #expect(container.waits(for: "running", timeout: container.isolation.timeout))
        // Its output waits for a reader here.
        #expect(
          try eventually(timeout: 120) {
            let list = try container.verb("ps", ["--format", "json"])
            return list.code != 0 || list.line == "[]"
          })
        for process in family(try container.pid()).dropFirst() {
          #expect(Foundation.kill(process.pid, SIGKILL) == 0)
          // Once it is reaped the VMM knows that the machine has ended.
          #expect(eventually(timeout: 60) { access("/proc/\(process.pid)", F_OK) != 0 })
        }
        var (count, buffer) = (0, [UInt8](repeating: 0, count: 65536))
        while case let got = read(fds[0], &buffer, buffer.count), got > 0 { count += got }
        close(fds[0])
        #expect(count == 100_000)
        #expect(try run.finish(timeout: 120).code == 7)
      }
    }

    /// The machine goes on; what is gone is gone inside too.
    private func theShareGoes(_ container: Container) throws {
      try host("rm", "-r", container.rootfs).ok()
      // The guest's kernel may have the programs in its memory yet.
      let result = try container.exec([], "ls", "/")
      #expect(!result.lines.contains("bin"), "\(result)")
      #expect(try container.status() == "running")
    }
  }
}
