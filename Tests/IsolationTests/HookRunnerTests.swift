import Foundation
import Linux
import OCISpec
import Testing

@testable import Isolation

@Suite struct HookRunnerTests {
  /// As the program does at its start: a hook that ends early closes the pipe with its state.
  init() { signal(SIGPIPE, SIG_IGN) }

  private let runner = HookRunner(
    state: State(
      ociVersion: "1.2.0", id: "x", status: .creating, pid: 12, bundle: "/b",
      annotations: ["k": "v"]))

  private func shell(_ script: String, timeout: Int? = nil) -> Spec.Hook {
    Spec.Hook(
      path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/usr/bin:/bin", "MARK=1"],
      timeout: timeout)
  }

  @Test func aHookReadsTheStateAndHasItsEnvironmentAlone() throws {
    let output = FileManager.default.temporaryDirectory.path + "/swrun-hook-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: output) }
    try runner.run([shell("cat > \(output); env >> \(output)")], kind: "prestart")
    let text = try String(contentsOfFile: output, encoding: .utf8)
    #expect(text.contains(#""status":"creating""#))
    #expect(text.contains(#""pid":12"#))
    #expect(text.contains("MARK=1"))
    #expect(!text.contains("HOME="))
  }

  @Test func theFirstFaultEndsTheRow() {
    let output = FileManager.default.temporaryDirectory.path + "/swrun-hook-\(UUID().uuidString)"
    #expect(
      throws: RuntimeError("hooks.prestart[1]: /bin/sh failed with exit code 3")
    ) {
      try runner.run(
        [shell("true"), shell("exit 3"), shell("touch \(output)")], kind: "prestart")
    }
    #expect(!FileManager.default.fileExists(atPath: output))
  }

  @Test func aSignalIsNamed() {
    #expect(throws: RuntimeError("hooks.poststop[0]: /bin/sh was ended by signal 9")) {
      try runner.run([shell("kill -9 $$")], kind: "poststop")
    }
  }

  @Test func aMissingProgramIsNamed() {
    #expect(
      throws: RuntimeError(
        "hooks.prestart[0]: execve /no/such: No such file or directory (2)")
    ) {
      try runner.run([Spec.Hook(path: "/no/such")], kind: "prestart")
    }
  }

  @Test func aTimeoutEndsTheHookAndWhatItStarted() {
    let start = Date()
    #expect(throws: RuntimeError.self) {
      try runner.run([shell("sleep 60 & sleep 60", timeout: 1)], kind: "prestart")
    }
    #expect(Date().timeIntervalSince(start) < 30)
  }

  @Test func aHookThatReadsNothingIsNoFault() throws {
    var big = runner
    big = HookRunner(
      state: State(
        ociVersion: "1.2.0", id: "x", status: .creating, pid: 12, bundle: "/b",
        annotations: ["k": String(repeating: "v", count: 1 << 20)]))
    try big.run([shell("exit 0")], kind: "prestart")
  }

  @Test func allRunWhateverBecomesOfEach() {
    let faults = runner.runAll(
      [shell("exit 1"), shell("exit 2"), shell("true")], kind: "poststop")
    #expect(faults.count == 2)
  }
}
