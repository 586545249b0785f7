import Foundation
import Harness
import Testing

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
