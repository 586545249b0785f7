import CHarness
import Foundation
import Harness
import Testing

/// NOTIFY_SOCKET: a container tells the host's service manager that it is ready.
@Suite(.root, .swrunOnly) struct Notify {
  /// A datagram socket as a service manager has it.
  final class Manager {
    let path: String
    private let fd: Int32

    init(_ path: String) throws {
      self.path = path
      fd = ch_receive_datagrams(path)
      guard fd >= 0 else { throw HarnessError("cannot bind \(path): error \(-fd)") }
    }
    deinit { close(fd) }

    /// All that has come, after at most `seconds` of waiting for the first.
    func messages(within seconds: Int32 = 0) -> [String] {
      var polled = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
      var messages: [String] = []
      while poll(&polled, 1, messages.isEmpty ? seconds * 1000 : 0) > 0 {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(fd, &bytes, bytes.count, 0)
        guard count >= 0 else { break }
        messages.append(String(decoding: bytes[..<count], as: UTF8.self))
      }
      return messages
    }
  }

  /// syslog's datagram is what busybox can send; its prefix is a line of its own.
  static let ready = """
    ln -s $NOTIFY_SOCKET /dev/log; /bin/busybox logger "x
    STATUS=told from inside
    READY=1"
    """

  @Test func readinessIsPassedOnAndNothingElse() throws {
    try withSandbox { box in
      let manager = try Manager(box.path("manager"))
      let container = try box.container { $0.sh("\(Self.ready); echo $NOTIFY_SOCKET") }
      let run = try box.swrun(
        "run", "-b", container.bundle, container.id,
        environment: ["NOTIFY_SOCKET": manager.path])
      #expect(run.code == 0 && run.line == "\(manager.path)/notify", "\(run)")
      #expect(manager.messages() == ["READY=1"])
    }
  }

  @Test func ofAUserNamespace() throws {
    try withSandbox { box in
      let manager = try Manager(box.path("manager"))
      let container = try box.container {
        $0.namespace("user")
        $0["linux.uidMappings"] = [["containerID": 0, "hostID": 100_000, "size": 1000]]
        $0["linux.gidMappings"] = [["containerID": 0, "hostID": 100_000, "size": 1000]]
        $0.sh(Self.ready)
      }
      let run = try box.swrun(
        "run", "-b", container.bundle, container.id,
        environment: ["NOTIFY_SOCKET": manager.path])
      #expect(run.code == 0, "\(run)")
      #expect(manager.messages() == ["READY=1"])
    }
  }

  @Test func startReturnsWhenTheContainerIsReady() throws {
    try withSandbox { box in
      let manager = try Manager(box.path("manager"))
      let environment = ["NOTIFY_SOCKET": manager.path]
      let container = try box.container {
        $0.sh("while [ ! -e /dev/go ]; do sleep 0.05; done; \(Self.ready); exec sleep 1000")
      }
      try box.spawn(
        ["create", "-b", container.bundle, container.id], environment: environment,
        output: .file(container.outputPath)
      ).finish().ok("create")
      let start = try box.spawn(["start", container.id], environment: environment)
      #expect(manager.messages(within: 1).isEmpty)
      #expect(ProcessView(start.pid).isAlive, "start waits")
      try container.exec([], "touch", "/dev/go").ok("exec")
      try start.finish(timeout: 20).ok("start")
      #expect(manager.messages() == ["READY=1", "MAINPID=\(try container.pid())"])
    }
  }

  @Test func aContainerThatEndsUnreadyEndsTheWait() throws {
    try withSandbox { box in
      let manager = try Manager(box.path("manager"))
      let container = try box.container { $0.sh("exit 0") }
      try box.spawn(
        ["run", "-d", "-b", container.bundle, container.id],
        environment: ["NOTIFY_SOCKET": manager.path], output: .file(container.outputPath)
      ).finish(timeout: 20).ok("run -d")
      #expect(manager.messages().isEmpty)
    }
  }

  @Test func aManagerThatIsGoneIsNoFault() throws {
    try withSandbox { box in
      let container = try box.container { $0.sh("\(Self.ready); echo inside") }
      let run = try box.swrun(
        "run", "-b", container.bundle, container.id,
        environment: ["NOTIFY_SOCKET": "/run/nobody/is-here"])
      #expect(run.code == 0 && run.line == "inside", "\(run)")
      #expect(run.err.contains("/run/nobody/is-here"), "\(run)")
    }
  }
}
