import Foundation
import Harness
import Testing

/// Signals to the foreground `run` reach the container's process.
@Suite(.root) struct Signals {
  @Test(arguments: [
    (SIGTERM, "TERM"), (SIGINT, "INT"), (SIGHUP, "HUP"), (SIGUSR1, "USR1"), (SIGUSR2, "USR2"),
    (SIGQUIT, "QUIT"), (SIGCONT, "CONT"),
  ])
  func isForwarded(number: Int32, name: String) throws {
    try withSandbox { box in
      let container = try box.container {
        $0.sh("trap 'echo got-\(name); exit 7' \(name); echo up; while :; do sleep 0.1; done")
      }
      let run = try container.start(foreground: [])
      try run.expect("up")
      run.signal(number)
      let result = try run.finish(timeout: 20)
      #expect(result.out.contains("got-\(name)"), "\(result)")
      #expect(result.code == 7)
    }
  }

  @Test func aSecondSignalReachesAProcessThatIgnoredTheFirst() throws {
    try withSandbox { box in
      let container = try box.container {
        $0.sh("trap 'echo first' TERM; trap 'exit 8' INT; echo up; while :; do sleep 0.1; done")
      }
      let run = try container.start(foreground: [])
      try run.expect("up")
      run.signal(SIGTERM)
      try run.expect("first")
      run.signal(SIGINT)
      #expect(try run.finish(timeout: 20).code == 8)
    }
  }

  @Test func realTimeSignals() throws {
    try withSandbox { box in
      let container = try box.container {
        $0.sh("trap 'echo real; exit 9' 40; echo up; while :; do sleep 0.1; done")
      }
      let run = try container.start(foreground: [])
      try run.expect("up")
      try container.kill("40").ok("kill 40")
      #expect(try run.finish(timeout: 20).code == 9)
    }
  }

  @Test func anOrphanIsReapedInsideThePidNamespace() throws {
    try withSandbox { box in
      let result = try box.run {
        $0.sh("(sleep 0.2 &) ; sleep 0.5; ps -o stat= 2>/dev/null | grep -c Z; exit 3")
      }
      #expect(result.code == 3)
    }
  }

  /// Without a pid namespace, orphans of the container come back to the runner while it waits.
  @Test func aDoubleForkWithoutAPidNamespace() throws {
    try withSandbox { box in
      let result = try box.run {
        $0.dropNamespace("pid")
        $0.sh("(true &); (true &); sleep 0.3; exit 11")
      }
      #expect(result.code == 11, "\(result)")
    }
  }
}

/// Standard input and output of `run`.
@Suite(.root) struct Stdio {
  @Test func inputIsPipedThrough() throws {
    try withSandbox { box in
      let result = try box.run(input: .text("one\ntwo\n")) { $0.args("cat") }
      #expect(result.out == "one\ntwo\n")
    }
  }

  @Test func aGigabyteThroughInputAndOutput() throws {
    try withSandbox { box in
      let container = try box.container { $0.sh("cat | tee /dev/stderr | wc -c") }
      let source = try Child(
        [
          "/bin/sh", "-c",
          "head -c 1073741824 /dev/zero | \"$@\" 2>/dev/null", "sh",
        ] + Runtime.command(Runtime.kind, path: Runtime.path)
          + ["--root", box.root, "run", "-b", container.bundle, container.id],
        environment: box.environment)
      let result = try source.finish(timeout: 180)
      #expect(result.line == "1073741824", "\(result)")
    }
  }

  @Test(.not(.crun, because: "crun 1.8.1 wants them open")) func closedDescriptors() throws {
    try withSandbox { box in
      let container = try box.container { $0.sh("exit 12") }
      let result = try box.spawn(
        ["run", "-b", container.bundle, container.id], input: .closed, output: .closed
      ).finish()
      #expect(result.code == 12, "\(result)")
      let all = try box.container { $0.sh("exit 13") }
      let silent = try box.spawn(
        ["run", "-b", all.bundle, all.id], input: .closed, output: .closed, error: .closed
      ).finish()
      #expect(silent.code == 13)
    }
  }

  @Test func errorsAndOutputAreApart() throws {
    try withSandbox { box in
      let result = try box.run { $0.sh("echo to-out; echo to-err >&2") }
      #expect(result.out == "to-out\n" && result.err == "to-err\n", "\(result)")
    }
  }

  @Test(.not(.runc, because: "runc 1.1.5 copies the output through a pipe"))
  func outputToAFullDevice() throws {
    try withSandbox { box in
      let container = try box.container { $0.sh("echo x; exit $?") }
      let full = open("/dev/full", O_WRONLY)
      defer { close(full) }
      let result = try box.spawn(
        ["run", "-b", container.bundle, container.id], output: .fd(full)
      ).finish()
      #expect(result.code == 1)
    }
  }

  @Test func aBackgroundChildThatHoldsTheOutputDoesNotKeepRunWaiting() throws {
    try withSandbox { box in
      let result = try box.run(timeout: 20) { $0.sh("sleep 1000 & echo done") }
      #expect(result.line == "done")
    }
  }
}
