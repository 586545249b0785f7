import Foundation
import Harness
import Testing

/// containerd with its runc shim and this runtime, driven by ctr.
@Suite(.root, .containerd) struct ContainerdWithRuntime {
  @Test func outputInputAndExitCodeArePassedOn() throws {
    try withContainerd { containerd in
      let text = String(repeating: "a line of input\n", count: 10_000)
      let run = try containerd.run(
        "--env", "MORE=option",
        // Not to the end of the input: ctr 1.6 loses that when it comes before the task runs.
        sh: "echo $FROM $MORE; echo err >&2; head -n 10000 | md5sum; exit 3",
        input: .text(text))
      let sum = try host("md5sum", input: .text(text)).line
      #expect(run.code == 3)
      #expect(run.lines == ["image option", sum], "\(run)")
      #expect(run.err == "err\n")
    }
  }

  @Test func aTerminalIsATerminal() throws {
    try withContainerd { containerd in
      let terminal = try PseudoTerminal(rows: 31, columns: 97)
      let script = """
        tty; until stty size | grep -q '31 97'; do sleep 0.05; done; stty size
        read line; echo got:$line; exit 5
        """
      let run = try containerd.start(
        containerd.arguments("c", ["--rm", "--tty"], ["sh", "-c", script]), terminal: terminal)
      let text = terminal.read(until: "31 97")
      #expect(text.contains("/dev/pts/0") && text.contains("31 97"), "\(text)")
      terminal.write("typed\r")
      #expect(terminal.read(until: "got:typed").contains("got:typed"))
      #expect(try run.finish().code == 5)
    }
  }

  @Test func whatTheRuntimeSaysIsShown() throws {
    try withContainerd { containerd in
      let run = try containerd.start(
        containerd.arguments("c", ["--rm"], ["/no/such/command"])
      ).finish()
      #expect(run.code == 1)
      #expect(run.err.contains("OCI runtime create failed"), "\(run)")
      #expect(run.err.contains("/no/such/command"), "\(run)")
      #expect(run.err.lowercased().contains("no such file or directory"), "\(run)")
    }
  }

  @Test func theMemoryLimitIsInTheCgroup() throws {
    try withContainerd { containerd in
      try containerd.running("c", "--memory-limit", "\(48 << 20)", "--cpus", "0.5")
      let process = try containerd.process("c")
      let memory = process.cgroup("memory") ?? ""
      #expect(memory.contains("\(containerd.box.tag)/c"), "\(memory)")
      let v1 = Machine.hasV1("memory")
      #expect(
        Machine.read("\(memory)/\(v1 ? "memory.limit_in_bytes" : "memory.max")")
          == "\(48 << 20)\n")
      let cpu = process.cgroup("cpu") ?? ""
      #expect(
        Machine.read("\(cpu)/\(v1 ? "cpu.cfs_quota_us" : "cpu.max")")
          == (v1 ? "50000\n" : "50000 100000\n"))
    }
  }

  @Test func metricsAreThoseOfTheCgroup() throws {
    try withContainerd { containerd in
      try containerd.running("c")
      let metrics = try containerd.ctr("task", "metrics", "c").ok("metrics")
      #expect(metrics.out.contains("memory.usage") || metrics.out.contains("memory"), "\(metrics)")
      #expect(metrics.out.contains("pids.current"), "\(metrics)")
    }
  }

  @Test func mountsReadOnlyRootAndDirectory() throws {
    try withContainerd { containerd in
      let source = containerd.box.path("data")
      try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
      try "from the host\n".write(toFile: "\(source)/in", atomically: false, encoding: .utf8)
      let run = try containerd.run(
        "--read-only", "--cwd", "/tmp", "--mount",
        "type=bind,src=\(source),dst=/data,options=rbind:ro",
        sh: "pwd; cat /data/in; touch /data/out; touch /file; true")
      #expect(run.lines == ["/tmp", "from the host"], "\(run)")
      #expect(run.errLines.count { $0.contains("Read-only file system") } == 2, "\(run)")
    }
  }

  @Test func capabilitiesAndPrivileges() throws {
    try withContainerd { containerd in
      let usual = ProcStatus(try containerd.run(sh: "cat /proc/self/status").ok().out)
      #expect(usual.list("NoNewPrivs") == [1])
      #expect(usual.capabilities("CapEff").contains(5))
      let changed = ProcStatus(
        try containerd.run(
          "--cap-add", "CAP_SYS_TIME", "--cap-drop", "CAP_KILL", "--allow-new-privs", "--seccomp",
          sh: "cat /proc/self/status"
        ).ok().out)
      #expect(
        changed.capabilities("CapEff")
          == usual.capabilities("CapEff").union([25]).subtracting([5]))
      #expect(changed.list("NoNewPrivs") == [0])
      #expect(changed.list("Seccomp") == [2])
    }
  }

  @Test func aTaskIsExecutedIntoKilledAndDeleted() throws {
    try withContainerd { containerd in
      try containerd.running("c")
      let process = try containerd.process("c")
      #expect(try containerd.task("c")?.status == "RUNNING")
      #expect(access(try containerd.socket("c"), F_OK) == 0)
      let exec = try containerd.exec("c", sh: "echo $FROM; cat; exit 4", input: .text("given\n"))
      #expect(exec.code == 4)
      #expect(exec.lines == ["image", "given"], "\(exec)")
      let pids = try containerd.ctr("task", "ps", "c").ok("ps")
      #expect(pids.lines.contains { $0.hasPrefix("\(process.pid)") }, "\(pids)")
      try containerd.ctr("task", "kill", "--signal", "SIGKILL", "c").ok("kill")
      #expect(try eventually { try containerd.task("c")?.status == "STOPPED" })
      #expect(!process.isAlive)
      let deleted = try containerd.ctr("task", "delete", "c")
      #expect(deleted.err.contains("non-zero exit code 137"), "\(deleted)")
      #expect(try containerd.task("c") == nil)
    }
  }

  @Test func execOnATerminalAndDetached() throws {
    try withContainerd { containerd in
      try containerd.running("c")
      let terminal = try PseudoTerminal(rows: 30, columns: 90)
      let run = try containerd.start(
        [
          "task", "exec", "--tty", "--exec-id", "e", "--fifo-dir", containerd.box.path("fifo"),
          "c", "sh", "-c", "tty; read line; echo got:$line; exit 6",
        ], terminal: terminal)
      #expect(terminal.read(until: "/dev/pts/0").contains("/dev/pts/0"))
      terminal.write("typed\r")
      #expect(terminal.read(until: "got:typed").contains("got:typed"))
      #expect(try run.finish().code == 6)
      _ = try containerd.exec("c", "--detach", sh: "echo here > /tmp/mark; exec sleep 1000").ok()
      let marked = try eventually { try containerd.exec("c", sh: "cat /tmp/mark").line == "here" }
      #expect(marked)
    }
  }

  @Test func pauseAndResume() throws {
    try withContainerd { containerd in
      try containerd.running("c")
      try containerd.ctr("task", "pause", "c").ok("pause")
      #expect(try containerd.task("c")?.status == "PAUSED")
      try containerd.ctr("task", "resume", "c").ok("resume")
      #expect(try containerd.task("c")?.status == "RUNNING")
      #expect(try containerd.exec("c", sh: "echo alive").line == "alive")
    }
  }

  @Test func aTaskThatEndsIsSeenWithItsCode() throws {
    try withContainerd { containerd in
      try containerd.running("c", sh: "sleep 0.3; exit 11")
      #expect(try eventually { try containerd.task("c")?.status == "STOPPED" })
      let deleted = try containerd.ctr("task", "delete", "c")
      #expect(deleted.err.contains("non-zero exit code 11"), "\(deleted)")
    }
  }

  @Test func manyAtOnce() throws {
    try withContainerd { containerd in
      let runs = try (0..<6).map { number in
        try containerd.start(
          containerd.arguments(
            "c\(number)", ["--rm"], ["sh", "-c", "echo \(number); exit \(number)"]))
      }
      for (number, run) in runs.enumerated() {
        let result = try run.finish()
        #expect(result.code == Int32(number) && result.line == "\(number)", "\(result)")
      }
    }
  }
}
