import Foundation
import Harness
import Testing

/// create, start, state, kill, delete, run, list, ps: the order of a container's life.
@Suite(.root) struct Lifecycle {
  @Test func createStartDelete() throws {
    try withSandbox { box in
      let container = try box.container {
        $0.sh("echo started; exec sleep 1000")
      }
      try container.create().ok("create")
      #expect(try container.status() == "created")
      #expect(container.output() == "", "nothing of the user's process runs before start")
      let pid = try container.pid()
      #expect(ProcessView(pid).isAlive)

      try container.start().ok("start")
      #expect(try container.status() == "running")
      #expect(container.waitsForOutput("started"))
      #expect(try container.pid() == pid)

      try container.kill("KILL").ok("kill")
      #expect(container.waits(for: "stopped"))
      try container.delete().ok("delete")
      #expect(try box.swrun("state", container.id).code != 0)
      #expect(!container.hasState)
    }
  }
}
