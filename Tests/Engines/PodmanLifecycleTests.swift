import Foundation
import Harness
import Testing

/// Containers that run in the background, and what podman does with them.
@Suite(.root, .podman) struct PodmanLifecycle {
  @Test func aDetachedContainerIsListedLoggedAndWaitedFor() throws {
    try withPodman { podman in
      try podman.running("c", sh: "echo begun; while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 9")
      #expect(try podman.waits(for: "begun", in: "c"))
      #expect(try podman.podman("ps", "--format", "{{.Names}} {{.Status}}").line.hasPrefix("c Up "))
      #expect(try podman.inspect("c", ".State.Status") == "running")
      #expect(try podman.process("c").isAlive)
      try podman.podman("exec", "c", "touch", "/tmp/go").ok("exec")
      #expect(try podman.podman("wait", "c").line == "9")
      #expect(try podman.inspect("c", ".State.ExitCode") == "9")
      #expect(try podman.podman("logs", "c").out == "begun\n")
      try podman.podman("rm", "c").ok("rm")
      #expect(try podman.podman("ps", "--all", "--quiet").out == "")
    }
  }

  @Test func execJoinsTheContainer() throws {
    try withPodman { podman in
      try podman.running("c", "--env", "FROM=run")
      let run = try podman.podman(
        "exec", "--env", "MORE=exec", "c", "sh", "-c",
        "echo $FROM $MORE; echo err >&2; for f in /proc/self/ns/*; do readlink $f; done > /tmp/exec; exit 5"
      )
      #expect(run.code == 5)
      #expect(run.out == "run exec\n")
      #expect(run.err.contains("err\n"))
      let joined = try podman.podman("exec", "c", "cat", "/tmp/exec").lines.sorted()
      let process = try podman.process("c")
      let kinds = ["cgroup", "ipc", "mnt", "net", "pid", "uts", "user", "time"]
      #expect(Set(kinds.compactMap { process.namespace($0) }).isSubset(of: Set(joined)))
    }
  }

  @Test func execTakesInputUserAndDirectory() throws {
    try withPodman { podman in
      try podman.running("c")
      let run = try podman.podman(
        "exec", "-i", "--user", "1000:2000", "--workdir", "/tmp", "c", "sh", "-c",
        "cat; id -u; id -g; pwd", input: .text("given\n"))
      #expect(run.lines == ["given", "1000", "2000", "/tmp"], "\(run)")
    }
  }

  @Test func execOnATerminal() throws {
    try withPodman { podman in
      try podman.running("c")
      let terminal = try PseudoTerminal(rows: 29, columns: 89)
      let script = """
        tty; until stty size | grep -q '29 89'; do sleep 0.05; done
        read line; echo got:$line; exit 6
        """
      let run = try podman.start(["exec", "-it", "c", "sh", "-c", script], terminal: terminal)
      #expect(terminal.read(until: "/dev/pts/0").contains("/dev/pts/0"))
      terminal.write("typed\r")
      #expect(terminal.read(until: "got:typed").contains("got:typed"))
      #expect(try run.finish().code == 6)
    }
  }

  @Test func aDetachedExecRunsOn() throws {
    try withPodman { podman in
      try podman.running("c")
      try podman.podman("exec", "-d", "c", "sh", "-c", "echo was here > /tmp/mark; sleep 1000").ok()
      #expect(
        try eventually { try podman.podman("exec", "c", "cat", "/tmp/mark").line == "was here" })
    }
  }

  @Test func execOfAMissingCommandIs127() throws {
    try withPodman { podman in
      try podman.running("c")
      let run = try podman.podman("exec", "c", "/no/such/command")
      #expect(run.code == 127)
      #expect(run.err.contains("/no/such/command"), "\(run)")
    }
  }

  @Test func stopAsksAndTheContainerAnswers() throws {
    try withPodman { podman in
      try podman.running(
        "c", sh: "trap 'echo bye; exit 4' TERM; echo ready; while :; do sleep 0.05; done")
      #expect(try podman.waits(for: "ready", in: "c"))
      try podman.podman("stop", "c").ok("stop")
      #expect(try podman.inspect("c", ".State.ExitCode") == "4")
      #expect(try podman.podman("logs", "c").out == "ready\nbye\n")
    }
  }

  @Test func stopKillsWhatDoesNotAnswer() throws {
    try withPodman { podman in
      try podman.running("c", sh: "trap '' TERM; echo ready; while :; do sleep 0.05; done")
      #expect(try podman.waits(for: "ready", in: "c"))
      try podman.podman("stop", "--time", "1", "c").ok("stop")
      #expect(try podman.inspect("c", ".State.ExitCode") == "137")
    }
  }

  @Test func killSendsTheSignal() throws {
    try withPodman { podman in
      try podman.running(
        "c", sh: "trap 'echo usr1' USR1; echo ready; while :; do sleep 0.05; done")
      #expect(try podman.waits(for: "ready", in: "c"))
      try podman.podman("kill", "--signal", "USR1", "c").ok("kill USR1")
      #expect(try podman.waits(for: "usr1", in: "c"))
      try podman.podman("kill", "c").ok("kill")
      #expect(try podman.podman("wait", "c").line == "137")
    }
  }

  @Test func pauseFreezesAndUnpauseThaws() throws {
    try withPodman { podman in
      try podman.running("c", sh: "while :; do date +%s%N; sleep 0.02; done")
      try podman.podman("pause", "c").ok("pause")
      #expect(try podman.inspect("c", ".State.Status") == "paused")
      let before = try podman.podman("logs", "c").lines.count
      usleep(200_000)
      #expect(try podman.podman("logs", "c").lines.count == before)
      try podman.podman("unpause", "c").ok("unpause")
      #expect(try eventually { try podman.podman("logs", "c").lines.count > before })
    }
  }

  @Test func createStartAndStartAgain() throws {
    try withPodman { podman in
      let create = podman.arguments(
        "create", ["--name", "c"], ["sh", "-c", "echo run >> /tmp/runs; cat /tmp/runs; exit 2"])
      try podman.start(create).finish().ok("create")
      let first = try podman.podman("start", "--attach", "c")
      let second = try podman.podman("start", "--attach", "c")
      #expect([first.code, second.code] == [2, 2])
      #expect(first.out == "run\n")
      #expect(second.out == "run\nrun\n")
    }
  }

  @Test func restartReplacesTheProcess() throws {
    try withPodman { podman in
      try podman.running("c")
      let before = try podman.process("c").pid
      try podman.podman("restart", "--time", "0", "c").ok("restart")
      let after = try podman.process("c")
      #expect(after.pid != before && after.isAlive)
      #expect(!ProcessView(before).isAlive)
    }
  }

  @Test func rmByForceEndsARunningContainer() throws {
    try withPodman { podman in
      try podman.running("c", sh: "sleep 1000 & sleep 1000 & wait")
      let process = try podman.process("c")
      #expect(try podman.podman("rm", "c").code != 0)
      try podman.podman("rm", "--force", "--time", "0", "c").ok("rm --force")
      #expect(!process.isAlive)
      #expect(try podman.podman("ps", "--all", "--quiet").out == "")
    }
  }

  @Test func containersJoinEachOther() throws {
    try withPodman { podman in
      try podman.running("first", "--ipc=shareable")
      try podman.running(
        "second", "--network=container:first", "--pid=container:first", "--ipc=container:first")
      let first = try podman.process("first")
      let second = try podman.process("second")
      for kind in ["net", "pid", "ipc"] {
        #expect(first.namespace(kind) == second.namespace(kind), "\(kind)")
      }
      #expect(first.namespace("mnt") != second.namespace("mnt"))
      try podman.podman("rm", "--force", "--time", "0", "second").ok("rm")
      #expect(first.isAlive)
    }
  }

  @Test func manyAtOnce() throws {
    try withPodman { podman in
      let runs = try (0..<6).map { number in
        try podman.start(
          podman.arguments("run", ["--rm"], ["sh", "-c", "echo \(number); exit \(number)"]))
      }
      for (number, run) in runs.enumerated() {
        let result = try run.finish()
        #expect(result.code == Int32(number), "\(result)")
        #expect(result.line == "\(number)")
      }
    }
  }
}
