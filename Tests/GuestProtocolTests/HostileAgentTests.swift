import CLinux
import GuestProtocol
import Linux
import Testing

@testable import GuestSession

/// Agents that flood, answer twice, never answer, or leave in the middle: the host's side gives up
/// in bounded time and memory.
struct HostileAgentTests {
  @Test(arguments: [
    [GuestMessage.created(pid: 1)], [.started], [.streams(port: 5000)],
  ])
  func anAnswerThatComesTwiceIsAFault(messages: [GuestMessage]) throws {
    let setting = try Setting.running()
    for message in messages { try setting.agent.send(message) }
    #expect(throws: RuntimeError.self) {
      for _ in 0..<10 { _ = try setting.session.next(timeout: 0) }
    }
    #expect(try setting.session.next(timeout: 10_000) == .lost)
  }

  @Test func whoeverNeverAnswersIsWaitedForAsLongAsTheCallerSays() throws {
    let setting = try Setting()
    try setting.session.exec(ExecRequest())
    #expect(try setting.session.next(timeout: 20) == .timeout)
    // What the host has to say meanwhile is kept, but not without end.
    for _ in 0..<100_000 { try setting.session.signal(1) }
    #expect(try setting.session.next(timeout: 20) == .timeout)
  }

  @Test(arguments: [1, 7, 8, 9, 20]) func anEndInsideAMessageIsAFault(length: Int) throws {
    let setting = try Setting.running()
    let frame = try GuestMessage.warning("what never comes to its end").encode()
    try FileDescriptor.writeAll(setting.agent.control, Array(frame.prefix(length)))
    #expect(try setting.session.next(timeout: 0) == .timeout)
    setting.agent.connections[0].peer.close()
    #expect(throws: RuntimeError.self) { try setting.session.next(timeout: 10_000) }
    #expect(try setting.session.next(timeout: 10_000) == .lost)
  }

  @Test func aFrameThatDripsKeepsNobodyFromAnythingElse() throws {
    let setting = try Setting.running()
    let output = try setting.agent.stream(1)
    for byte in try GuestMessage.warning("slow").encode().dropLast() {
      try FileDescriptor.writeAll(setting.agent.control, [byte])
      try FileDescriptor.writeAll(output, [byte])
      try setting.pump()
      #expect(try setting.read(setting.output) == [byte])
    }
  }

  @Test func theFirstEndCounts() throws {
    let setting = try Setting.running()
    setting.session.drain.silence = 20
    for code: CInt in [1, 2] { try setting.agent.send(.exited(Exit(code: code))) }
    try setting.agent.send(.failed(Failure("no")))
    #expect(try setting.session.next(timeout: 10_000) == .exited(code: 1))
    #expect(try setting.session.next(timeout: 10_000) == .lost)
  }

  /// 16 MiB of messages, each of them legal: few are told, none is kept, and the end comes.
  @Test func aFloodOfMessagesDisturbsNobody() throws {
    let setting = try Setting.running()
    setting.session.drain.silence = 20
    let frame = try GuestMessage.warning(String(repeating: "x", count: 1 << 16)).encode()
    let output = try setting.agent.stream(1)
    var (sent, told) = (0, 0)
    var rest = frame[...]
    while sent < 16 << 20 {
      let count = rest.withUnsafeBytes {
        cl_send(setting.agent.control, $0.baseAddress!, $0.count, true)
      }
      if count > 0 {
        sent += count
        rest = rest.dropFirst(count)
        if rest.isEmpty { rest = frame[...] }
      }
      if case .warning(let text) = try setting.session.next(timeout: 0) {
        told += 1
        #expect(text.utf8.count < 4200)
      }
    }
    #expect(told == 64)
    while !rest.isEmpty, rest.count < frame.count {
      let count = rest.withUnsafeBytes {
        cl_send(setting.agent.control, $0.baseAddress!, $0.count, true)
      }
      rest = rest.dropFirst(max(0, count))
      _ = try setting.session.next(timeout: 0)
    }
    try FileDescriptor.writeAll(output, Array("still here".utf8))
    var heard: [UInt8] = []
    while heard.count < 10 {
      _ = try setting.session.next(timeout: 0)
      heard += try setting.read(setting.output) ?? []
    }
    try setting.agent.send(.exited(Exit(code: 5)))
    #expect(try setting.session.next(timeout: 10_000) == .exited(code: 5))
  }

  @Test func aListOfProcessesIsBoundedByItsMessage() throws {
    var process = GuestProcess()
    process.command = "\u{1b}[2J" + String(repeating: "c", count: 100)
    let many = GuestMessage.processes(Array(repeating: process, count: 20_000))
    #expect(throws: ProtocolError.self) { try many.encode() }
    let agent = FakeAgent()
    let few = GuestMessage.processes(Array(repeating: process, count: 4_000))
    let answer = try GuestRequest.perform(
      .processes,
      connect: { port throws(SystemError) in
        let socket = try agent.connector(port)
        var size: CInt = 4 << 20
        _ = setsockopt(agent.control, SOL_SOCKET, SO_SNDBUFFORCE, &size, 4)
        try? agent.send(few)
        return socket
      })
    guard case .processes(let list) = answer else {
      Issue.record("\(answer.name)")
      return
    }
    #expect(list.count == 4_000)
    #expect(!list[0].command.utf8.contains { $0 < 0x20 })
  }

  /// A question has one answer: what else the agent says is not even read.
  @Test func aSecondAnswerToAQuestionIsLeftAlone() throws {
    let agent = FakeAgent()
    let answer = try GuestRequest.perform(
      .statistics,
      connect: { port throws(SystemError) in
        let socket = try agent.connector(port)
        for text in ["{\"a\":1}", "{\"b\":2}"] { try? agent.send(.statistics(text)) }
        return socket
      })
    #expect(answer == .statistics("{\"a\":1}"))
  }

  @Test func aQuestionHasItsTimeWhateverDrips() throws {
    let agent = FakeAgent()
    let frame = try GuestMessage.statistics("{}").encode()
    #expect(throws: RuntimeError.self) {
      try GuestRequest.perform(
        .statistics,
        connect: { port throws(SystemError) in
          let socket = try agent.connector(port)
          try FileDescriptor.writeAll(agent.control, Array(frame.prefix(9)))
          return socket
        }, timeout: 30)
    }
  }
}
