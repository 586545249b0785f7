import CLinux
import Foundation
import Linux
import OCISpec
import Testing

@testable import Seccomp

/// The descriptor and the state that the seccomp agent gets.
@Suite final class ListenerTests {
  let directory: String
  var path: String { directory + "/agent" }
  let agent: CInt
  let state = State(
    ociVersion: "1.0.2", id: "c1", status: .creating, pid: 4242, bundle: "/b",
    annotations: ["a": "b\"c"])

  init() throws {
    directory = NSTemporaryDirectory() + "swrun-agent-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    agent = cl_socket(AF_UNIX, cl_sock_type(0) | cl_sock_cloexec(), 0)
    try #require(agent >= 0)
    try #require(cl_unix_bind(agent, directory + "/agent") == 0)
    try #require(cl_listen(agent, 1) == 0)
  }

  deinit {
    close(agent)
    try? FileManager.default.removeItem(atPath: directory)
  }

  @Test(.timeLimit(.minutes(1))) func theAgentGetsTheDescriptorAndTheState() throws {
    var pipe: [CInt] = [-1, -1]
    try #require(cl_pipe2(&pipe, O_CLOEXEC) == 0)
    defer { for fd in pipe { close(fd) } }
    let filter = Filter(
      defaultAction: .allow, listenerPath: path, listenerMetadata: "more")
    try SeccompListener.deliver(pipe[1], filter, state)

    let connection = FileDescriptor(owning: cl_accept4(agent, cl_sock_cloexec()))
    let message = try #require(try connection.receiveMessage())
    try #require(message.fds.count == 1)
    // It is the other end of the pipe, and the sender still owns its own number.
    #expect(write(message.fds[0], "x", 1) == 1)
    close(message.fds[0])
    var byte: UInt8 = 0
    #expect(read(pipe[0], &byte, 1) == 1 && byte == UInt8(ascii: "x"))
    #expect(fcntl(pipe[1], F_GETFD) >= 0)
    // The stream ends: the agent may read to the end of the message.
    #expect(try connection.receiveMessage() == nil)

    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(message.bytes)) as? [String: Any])
    #expect(json["ociVersion"] as? String == "0.2.0")
    #expect(json["fds"] as? [String] == ["seccompFd"])
    #expect(json["pid"] as? Int == 4242)
    #expect(json["metadata"] as? String == "more")
    let inner = try #require(json["state"] as? [String: Any])
    #expect(inner["id"] as? String == "c1")
    #expect(inner["status"] as? String == "creating")
    #expect(inner["pid"] as? Int == 4242)
    #expect(inner["bundle"] as? String == "/b")
    #expect(inner["annotations"] as? [String: String] == ["a": "b\"c"])
  }

  @Test func withoutMetadataThereIsNoMember() throws {
    let text = String(
      decoding: try SeccompListener.message(of: state, metadata: nil), as: UTF8.self)
    #expect(!text.contains("metadata"))
  }

  @Test func whatIsMissingIsNamed() throws {
    let nobody = #expect(throws: RuntimeError.self) {
      try SeccompListener.deliver(0, Filter(defaultAction: .allow), self.state)
    }
    #expect(nobody?.advice?.contains("listenerPath") == true)
    let absent = #expect(throws: RuntimeError.self) {
      try SeccompListener.deliver(
        0, Filter(defaultAction: .allow, listenerPath: self.directory + "/none"), self.state)
    }
    #expect(absent?.message.contains("linux.seccomp.listenerPath: connect") == true)
    var ended = state
    ended.pid = nil
    #expect(throws: RuntimeError.self) {
      try SeccompListener.message(of: ended, metadata: nil)
    }
  }
}
