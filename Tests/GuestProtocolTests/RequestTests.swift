import CLinux
import Foundation
import GuestProtocol
import GuestSession
import Linux
import Testing

struct RequestTests {
  /// A connection whose agent has answered before it was asked, and closed its side if wanted.
  private func connector(
    answering messages: [GuestMessage], closing: Bool = false, keeping agent: FakeAgent
  ) -> GuestSession.Connector {
    { port throws(SystemError) in
      let socket = try agent.connector(port)
      for message in messages { try? agent.send(message) }
      if closing { _ = cl_shutdown(agent.control, 1) }
      return socket
    }
  }

  @Test func anAnswerIsReturned() throws {
    let agent = FakeAgent()
    let answer = try GuestRequest.perform(
      .signalAll(signal: 9), connect: connector(answering: [.done(warnings: [])], keeping: agent))
    #expect(answer == .done(warnings: []))
    #expect(try agent.receive() == .signalAll(signal: 9))
  }

  @Test func aFailureIsTheError() {
    let agent = FakeAgent()
    #expect(throws: RuntimeError("no", advice: "a", exitCode: 1)) {
      try GuestRequest.perform(
        .processes,
        connect: connector(answering: [.failed(Failure("no", advice: "a"))], keeping: agent))
    }
  }

  @Test func aGuestThatNeverAnswersIsAnError() {
    let agent = FakeAgent()
    #expect(throws: RuntimeError.self) {
      try GuestRequest.perform(.statistics, connect: agent.connector, timeout: 20)
    }
  }

  @Test func aConnectionThatEndsIsAnError() {
    let agent = FakeAgent()
    #expect(throws: RuntimeError.self) {
      try GuestRequest.perform(
        .statistics, connect: connector(answering: [], closing: true, keeping: agent))
    }
  }

  @Test func outOfMemoryEventsComeOneByOne() throws {
    let agent = FakeAgent()
    let watch = try GuestOOMWatch(connect: agent.connector)
    #expect(try agent.receive() == .watchOOM)
    #expect(try watch.next() == nil)
    try agent.send(.oom)
    try agent.send(.oom)
    #expect(try watch.next() == true)
    #expect(try watch.next() == true)
    #expect(try watch.next() == nil)
    agent.connections[0].peer.close()
    #expect(try watch.next() == false)
  }
}

/// The handshake on the virtual machine's unix socket.
struct VsockSocketTests {
  private struct Listener {
    let path: String
    let socket: SharedDescriptor

    init() throws {
      path = "/tmp/session-\(getpid())-\(UInt32.random(in: 0 ... .max))"
      socket = SharedDescriptor(
        FileDescriptor(
          owning: try system("socket") {
            cl_socket(AF_UNIX, cl_sock_type(0) | cl_sock_cloexec(), 0)
          }))
      let (path, number) = (path, socket.rawValue)
      try system("bind", path) { cl_unix_bind(number, path) }
      try system("listen") { cl_listen(number, 8) }
    }

    func remove() { _ = cl_unlinkat(AT_FDCWD, path, 0) }
  }

  /// Connects while a thread answers with `answer` and closes the connection.
  private func connect(answer: String) throws -> [UInt8] {
    let listener = try Listener()
    defer { listener.remove() }
    let number = listener.socket.rawValue
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      let peer = cl_accept4(number, cl_sock_cloexec())
      var bytes = [UInt8](repeating: 0, count: 64)
      _ = cl_recv(peer, &bytes, bytes.count, false)
      let text = Array(answer.utf8)
      _ = cl_send(peer, text, text.count, false)
      _ = cl_close(peer)
      done.signal()
    }
    defer { done.wait() }
    let socket = try VsockSocket.connect(listener.path, port: 7)
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = cl_recv(socket.rawValue, &bytes, bytes.count, true)
    return Array(bytes[..<max(0, count)])
  }

  @Test func whatFollowsTheAnswerBelongsToTheConnection() throws {
    #expect(try connect(answer: "OK 1073741824\nraw") == Array("raw".utf8))
  }

  @Test(arguments: ["", "OK", "NO 7\n", String(repeating: "O", count: 64)])
  func anotherAnswerIsAnError(answer: String) {
    #expect(throws: SystemError.self) { try connect(answer: answer) }
  }

  @Test func aMachineThatDoesNotAnswerIsAnError() throws {
    let listener = try Listener()
    defer { listener.remove() }
    #expect(throws: SystemError(ETIMEDOUT, "connect", "vsock port 7")) {
      try VsockSocket.connect(listener.path, port: 7, timeout: 20)
    }
    // Nor does it when its queue is full.
    var kept: [SharedDescriptor] = []
    for _ in 0..<16 {
      if let socket = try? FileDescriptor.connectUnixNow(listener.path) { kept.append(socket) }
    }
    #expect(throws: SystemError.self) {
      try VsockSocket.connect(listener.path, port: 7, timeout: 20)
    }
  }
}

extension FileDescriptor {
  fileprivate static func connectUnixNow(_ path: String) throws -> SharedDescriptor {
    let socket = SharedDescriptor(
      FileDescriptor(
        owning: try system("socket") {
          cl_socket(AF_UNIX, cl_sock_type(0) | cl_sock_cloexec() | O_NONBLOCK, 0)
        }))
    try system("connect") { cl_unix_connect(socket.rawValue, path) }
    return socket
  }
}
