import Foundation
import Harness
import Testing

/// podman with `--runtime-flag isolation=vm`: its containers are virtual machines.
@Suite(.root, .podman, .machines(of: EngineRuntime.machines), .serialized) struct PodmanMachines {
  /// A boot in emulation takes seconds, on a busy machine many.
  private static let patience = 300.0

  @Test func runAndExecReachTheGuest() throws {
    try withPodman { podman in
      podman.runtimeFlags = ["isolation=vm"]
      let host = try host("uname", "-r").line
      let arguments = podman.arguments(
        "run", ["-d", "--name", "vm", "--hostname", "inside"], ["sleep", "1000"])
      try podman.start(arguments).finish(timeout: Self.patience).ok("run -d")
      let inside = try podman.start([
        "exec", "vm", "sh", "-c", "uname -r; hostname; id -u; echo problem >&2; exit 4",
      ]).finish(timeout: Self.patience)
      #expect(inside.code == 4)
      #expect(inside.err == "problem\n")
      #expect(inside.lines.count == 3 && inside.lines[1...] == ["inside", "0"], "\(inside)")
      #expect(inside.lines.first != host, "the kernel must be the guest's")
      let state = try podman.inspect("vm", ".State.Status")
      #expect(state == "running")
      try podman.start(["rm", "--force", "--time", "1", "vm"]).finish(timeout: Self.patience)
        .ok("rm")
    }
  }

  @Test func theExitCodeAndTheStreamsArePassedOn() throws {
    try withPodman { podman in
      podman.runtimeFlags = ["isolation=vm"]
      let text = String(repeating: "a line of input\n", count: 20_000)
      let run = try podman.start(
        podman.arguments("run", ["--rm", "-i"], ["sh", "-c", "md5sum; echo bad >&2; exit 7"]),
        input: .text(text)
      ).finish(timeout: Self.patience)
      #expect(run.code == 7)
      #expect(run.out == (try host("md5sum", input: .text(text)).out))
      #expect(run.err.contains("bad\n"), "\(run)")
    }
  }
}
