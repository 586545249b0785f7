import Foundation
import Harness
import Testing

/// A guest in which somebody has taken over: the host's commands come back, and what must always
/// work works.
extension Machines {
  @Suite struct HostileGuests {
    /// A process that sees all of the guest, and stops every other one of it but the first: the
    /// agent's sessions, which never answer again.
    private func silenced(_ box: Sandbox) throws -> Container {
      let container = try box.machine {
        $0.dropNamespace("pid")
        $0["root.readonly"] = false
        $0.sh(
          """
          for p in /proc/[0-9]*; do
            p=${p#/proc/}
            [ $p = 1 ] || [ $p = $$ ] || kill -STOP $p
          done
          echo done >/silenced
          while :; do sleep 1; done
          """)
      }
      try container.run("--detach", timeout: 360).ok("run --detach of a VM")
      try #require(
        eventually(timeout: 120) {
          Machine.read("\(container.rootfs)/silenced") == "done\n"
        })
      return container
    }

    @Test func killEndsAMachineWhoseAgentIsSilent() throws {
      try withSandbox { box in
        let container = try silenced(box)
        let process = try container.process()
        // Nobody in the guest reads it; the command does not wait for that.
        try container.kill("TERM").ok("kill")
        #expect(try container.status() == "running")
        try container.kill("KILL").ok("kill")
        #expect(container.waits(for: "stopped"))
        #expect(!process.isAlive)
        try container.delete().ok("delete")
      }
    }

    @Test func deleteByForceEndsAMachineWhoseAgentIsSilent() throws {
      try withSandbox { box in
        let container = try silenced(box)
        let process = try container.process()
        try container.delete(force: true).ok("delete --force")
        #expect(!process.isAlive && !container.hasState)
      }
    }
  }
}
