import Foundation
import Harness
import Testing

/// create, start, state, kill, delete and the exit code.
extension Machines {
  @Suite struct Lifecycle {
    @Test func createStartKillDelete() throws {
      try withSandbox { box in
        let container = try box.machine {
          $0.sh("trap 'echo got TERM; exit 9' TERM; echo started; while :; do sleep 0.1; done")
        }
        try container.create().ok("create")
        #expect(try container.status() == "created")
        #expect(container.output() == "", "nothing runs before start")
        try container.start().ok("start")
        #expect(container.waitsForOutput("started"))
        #expect(try container.status() == "running")
        let process = try container.process()
        #expect(process.commandLine.first?.contains("swrun-vmm") == true)
        try container.kill("TERM").ok("kill")
        #expect(container.waits(for: "stopped"))
        #expect(container.output().contains("got TERM"), "\(container.output())")
        try container.delete().ok("delete")
        #expect(!container.hasState && !process.isAlive)
      }
    }

    /// Those that no start needs: they are looked for when the container runs.
    @Test func allDevicesAreThereInTheEnd() throws {
      try withSandbox { box in
        let drivers =
          ["virtiofs", "vmw_vsock_virtio_transport", "virtio_rng", "virtio_balloon"]
          // qemu's machine has no console of virtio.
          + (Machines.engine == "kvm" ? ["virtio_console"] : [])
        let container = try box.runningMachine {
          $0.sh(
            "for name in \(drivers.joined(separator: " ")); do"
              + " until ls -d /sys/bus/virtio/drivers/$name/virtio*; do sleep 0.1; done; done"
              + " >/dev/null 2>&1; echo all there; exec sleep 1000")
        }
        #expect(container.waitsForOutput("all there"), "\(container.output())")
        try container.kill("KILL").ok("kill")
        try container.delete().ok("delete")
      }
    }

    @Test func theStateTellsTheIsolation() throws {
      try withSandbox { box in
        let container = try box.runningMachine()
        let text = try box.swrun("state", container.id).ok("state").out
        #expect(text.contains("vm") && text.contains("dev.swrun.isolation"), "\(text)")
        #expect(try box.swrun("list").out.contains(container.id))
        // Its end is waited for.
        try container.kill("KILL").ok("kill")
        #expect(try container.status() == "stopped")
        try container.delete().ok("delete")
      }
    }

    @Test func theExitCode() throws {
      try withSandbox { box in
        let result = try box.runMachine { $0.sh("exit 255") }
        #expect(result.code == 255, "\(result)")
      }
    }

    @Test func aProcessThatASignalEnds() throws {
      try withSandbox { box in
        let container = try box.machine()
        let run = try container.start(foreground: [])
        #expect(container.waits(for: "running", timeout: container.isolation.timeout))
        try container.kill("KILL").ok("kill")
        #expect(try run.finish(timeout: 240).code == 137)
      }
    }

    @Test func aSignalToTheForegroundReachesTheProcess() throws {
      try withSandbox { box in
        let container = try box.machine {
          $0.sh("trap 'exit 7' INT; echo ready; while :; do sleep 0.1; done")
        }
        let run = try container.start(foreground: [])
        try run.expect("ready", timeout: container.isolation.timeout)
        run.signal(SIGINT)
        #expect(try run.finish(timeout: 240).code == 7)
      }
    }

    @Test func aCommandThatIsNotThere() throws {
      try withSandbox { box in
        let result = try box.runMachine { $0.args("/bin/nosuch") }
        refused(result, saying: ["/bin/nosuch"])
        #expect(result.code == 127, "\(result)")
      }
    }

    @Test func pauseResumeAndDeleteByForce() throws {
      try withSandbox { box in
        let container = try box.runningMachine {
          $0.sh("i=0; while :; do i=$((i+1)); echo $i; usleep 10000; done")
        }
        #expect(container.waitsForOutput("3"))
        let process = try container.process()
        try container.pause().ok("pause")
        #expect(try container.status() == "paused")
        // What was under way when the machine stopped may still arrive.
        usleep(300_000)
        let before = container.output().count
        usleep(300_000)
        #expect(container.output().count == before, "a paused machine does nothing")
        try container.resume().ok("resume")
        #expect(eventually(timeout: 60) { container.output().count > before })
        try container.pause().ok("pause again")
        try container.delete(force: true).ok("delete --force")
        #expect(eventually(timeout: 60) { !process.isAlive })
      }
    }
  }
}
