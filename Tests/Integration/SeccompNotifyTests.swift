import CHarness
import Foundation
import Harness
import Testing

/// SCMP_ACT_NOTIFY with listenerPath: the agent gets the descriptor and the state of the process.
@Suite(.root, .kernel(5, 6)) struct SeccompNotify {
  @Test func theAgentAnswers() throws {
    try withSandbox { box in
      let listener = ch_listen(box.path("agent"))
      #expect(listener >= 0)
      defer { close(listener) }
      let container = try box.container {
        $0["linux.seccomp"] = Seccomp.filter(
          Seccomp.rule(["mkdir", "mkdirat"], "SCMP_ACT_NOTIFY"))
        $0["linux.seccomp.listenerPath"] = box.path("agent")
        $0["linux.seccomp.listenerMetadata"] = "opaque data"
        $0.sh("mkdir /dev/shm/x 2>&1; mkdir /dev/shm/x && echo made")
      }
      let run = try container.start(foreground: [])
      var fds: [Int32] = [-1, -1]
      var bytes = [CChar](repeating: 0, count: 65536)
      var length = 0
      let count = ch_accept_descriptors(listener, 15_000, &fds, 2, &bytes, bytes.count, &length)
      #expect(count == 1)
      defer { close(fds[0]) }
      let state = Config(
        try JSONSerialization.jsonObject(
          with: Data(bytes[..<length].map { UInt8(bitPattern: $0) })) as? [String: Any] ?? [:])
      #expect(state["metadata"] as? String == "opaque data")
      #expect(state["fds"] as? [String] == ["seccompFd"])
      #expect(state["state.id"] as? String == container.id)
      #expect(state["state.bundle"] as? String == container.bundle)
      #expect((state["pid"] as? Int ?? 0) > 0)
      #expect((state["ociVersion"] as? String)?.isEmpty == false)

      #expect(ch_answer_notification(fds[0], 15_000, 122) >= 0)
      #expect(ch_answer_notification(fds[0], 15_000, 0) >= 0)
      let result = try run.finish()
      #expect(result.out.contains("Disk quota exceeded"), "\(result)")
      #expect(result.lines.last == "made")
    }
  }

  @Test func withoutAnAgentItIsRefused() throws {
    try withSandbox { box in
      let result = try box.run {
        $0["linux.seccomp"] = Seccomp.filter(Seccomp.rule(["mkdir"], "SCMP_ACT_NOTIFY"))
        $0["linux.seccomp.listenerPath"] = box.path("nobody")
      }
      refused(result, saying: [box.path("nobody")])
    }
  }

  @Test func withoutAListenerPathItIsRefused() throws {
    guard Runtime.kind != .crun else { return }
    try withSandbox { box in
      let result = try box.run {
        $0["linux.seccomp"] = Seccomp.filter(Seccomp.rule(["mkdir"], "SCMP_ACT_NOTIFY"))
      }
      refused(result, saying: ["listenerPath"])
    }
  }
}
