import Foundation
import Harness
import Testing

/// create, start, state, kill, delete, run: the order of a container's life.
@Suite(.root) struct Lifecycle {
  @Test func createStartKillDelete() throws {
    try withSandbox { box in
      let container = try box.container { $0.sh("echo started; exec sleep 1000") }
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

  @Test(arguments: [0, 1, 7, 42, 126, 127, 255])
  func runPassesTheExitCodeOn(code: Int32) throws {
    try withSandbox { box in
      let container = try box.container { $0.sh("exit \(code)") }
      #expect(try container.run().code == code)
      #expect(!container.hasState)
    }
  }

  @Test(arguments: [SIGKILL, SIGTERM, SIGUSR1])
  func runReports128PlusTheSignal(signal: Int32) throws {
    try withSandbox { box in
      let container = try box.container { $0.sh("echo up; exec sleep 1000") }
      let run = try container.start(foreground: [])
      try run.expect("up")
      // From outside: signals of its own namespace do not end a pid 1 without a handler.
      #expect(Foundation.kill(try container.pid(), SIGKILL) == 0)
      #expect(try run.finish().code == 128 + SIGKILL)
    }
  }

  @Test func stateHasTheFieldsOfTheSpecification() throws {
    try withSandbox { box in
      let container = try box.running { $0["annotations"] = ["com.example.key": "value"] }
      let state = try container.state()
      #expect(state["id"] as? String == container.id)
      #expect(state["status"] as? String == "running")
      #expect(state["bundle"] as? String == container.bundle)
      #expect((state["ociVersion"] as? String ?? "").hasPrefix("1."))
      #expect((state["pid"] as? Int ?? 0) > 0)
      #expect((state["annotations"] as? [String: String])?["com.example.key"] == "value")
      #expect(ProcessView(Int32(state["pid"] as? Int ?? 0)).commandLine == ["/bin/sleep", "1000"])
    }
  }

  @Test func aContainerWhoseInitDiedIsStopped() throws {
    try withSandbox { box in
      let container = try box.running()
      #expect(Foundation.kill(try container.pid(), SIGKILL) == 0)
      #expect(container.waits(for: "stopped"))
      #expect((try container.state()["pid"] as? Int ?? 0) == 0)
      try container.delete().ok("delete")
    }
  }

  @Test func runDetachedReturnsWhileTheProcessRuns() throws {
    try withSandbox { box in
      let container = try box.container { $0.sh("echo up; exec sleep 1000") }
      try container.run("--detach").ok("run -d")
      #expect(try container.status() == "running")
      #expect(container.waitsForOutput("up"))
    }
  }

  @Test(.not(.crun, because: "crun 1.8.1 has no --keep")) func runKeepLeavesAStoppedContainer()
    throws
  {
    try withSandbox { box in
      let container = try box.container { $0.sh("exit 3") }
      #expect(try container.run("--keep").code == 3)
      #expect(try container.status() == "stopped")
      try container.delete().ok("delete")
    }
  }

  @Test func forcedDeleteEndsARunningContainer() throws {
    try withSandbox { box in
      let container = try box.running()
      let process = try container.process()
      try container.delete(force: true).ok("delete --force")
      #expect(!process.isAlive)
      #expect(!container.hasState)
    }
  }

  @Test func forcedDeleteEndsACreatedContainer() throws {
    try withSandbox { box in
      let container = try box.container()
      try container.create().ok("create")
      let process = try container.process()
      try container.delete(force: true).ok("delete --force")
      #expect(!process.isAlive)
    }
  }

  @Test func deleteOfACreatedContainerWithoutForce() throws {
    try withSandbox { box in
      let container = try box.container()
      try container.create().ok("create")
      // The specification lets delete take a stopped container only; runc also takes a created one.
      let result = try container.delete()
      #expect((result.code == 0) == !container.hasState, "\(result)")
    }
  }

  @Test func killWithoutASignalSendsTerm() throws {
    try withSandbox { box in
      let container = try box.running {
        $0.sh("trap 'echo term; exit 0' TERM; echo up; while :; do sleep 0.1; done")
      }
      #expect(container.waitsForOutput("up"))
      try container.kill().ok("kill")
      #expect(container.waits(for: "stopped"))
      #expect(container.output().contains("term"))
    }
  }

  @Test(arguments: ["USR1", "SIGUSR1", "10"])
  func killTakesNamesAndNumbers(signal: String) throws {
    try withSandbox { box in
      let container = try box.running {
        $0.sh("trap 'echo got; exit 0' USR1; echo up; while :; do sleep 0.1; done")
      }
      #expect(container.waitsForOutput("up"))
      try container.kill(signal).ok("kill \(signal)")
      #expect(container.waitsForOutput("got"))
    }
  }

  @Test func killAllReachesEveryProcess() throws {
    try withSandbox { box in
      // Without a pid namespace the kernel does not end the others with the first.
      let container = try box.running {
        $0.dropNamespace("pid")
        $0.sh("sleep 1001 & sleep 1002 & echo up; wait")
      }
      #expect(container.waitsForOutput("up"))
      let others = try pids(of: container)
      #expect(others.count == 3)
      try container.sandbox.swrun("kill", "--all", container.id, "KILL").ok("kill --all")
      #expect(eventually { !others.contains { ProcessView($0).isAlive } })
    }
  }

  @Test func deleteOfAStoppedContainerEndsTheRestOfItsProcesses() throws {
    try withSandbox { box in
      let container = try box.running {
        $0.dropNamespace("pid")
        $0.sh("sleep 1001 & echo up; exec sleep 1000")
      }
      #expect(container.waitsForOutput("up"))
      let all = try pids(of: container)
      #expect(all.count == 2)
      try container.kill("KILL").ok("kill")
      #expect(container.waits(for: "stopped"))
      try container.delete(force: true).ok("delete --force")
      #expect(eventually { !all.contains { ProcessView($0).isAlive } })
    }
  }

  @Test func relativeBundlePathAndWorkingDirectory() throws {
    try withSandbox { box in
      let container = try box.container { $0.sh("exit 5") }
      let inside = try box.spawn(["run", container.id], directory: container.bundle).finish()
      #expect(inside.code == 5, "\(inside)")
      let relative = try box.spawn(
        ["run", "-b", URL(fileURLWithPath: container.bundle).lastPathComponent, container.id]
      ).finish()
      #expect(relative.code == 5, "\(relative)")
    }
  }

  @Test func absoluteRootPath() throws {
    try withSandbox { box in
      let container = try box.container {
        $0["root.path"] = box.path("elsewhere")
        $0.sh("cat /etc/marker")
      }
      try FileManager.default.moveItem(atPath: container.rootfs, toPath: box.path("elsewhere"))
      try "here".write(
        toFile: box.path("elsewhere/etc/marker"), atomically: true, encoding: .utf8)
      let result = try container.run()
      #expect(result.line == "here", "\(result)")
    }
  }

  private func pids(of container: Container) throws -> [Int32] {
    let text = try container.sandbox.swrun("ps", "--format", "json", container.id).ok("ps").out
    return try JSONDecoder().decode([Int32].self, from: Data(text.utf8))
  }
}
