import CLinux
import GuestProtocol
import Linux
import Testing

@testable import GuestSession

struct SessionTests {
  @Test func aProcessFromItsRequestToItsEnd() throws {
    let setting = try Setting()
    let (agent, session) = (setting.agent, setting.session)
    var request = CreateRequest()
    request.id = "c"
    request.spec = "{}"
    try session.create(HostMessage.create(request).payload())
    #expect(agent.connections.map(\.port) == [Port.agent])
    #expect(try agent.receive() == .create(request))
    try agent.send(.streams(port: 5000))
    try agent.send(.warning("careful"))
    try agent.send(.created(pid: 7))
    #expect(try session.next(timeout: 10_000) == .warning("careful"))
    #expect(try session.next(timeout: 10_000) == .created(pid: 7))
    let streams = (try agent.stream(0), try agent.stream(1), try agent.stream(2))
    try session.start()
    #expect(try agent.receive() == .start)
    try agent.send(.started)
    #expect(try session.next(timeout: 10_000) == .started)

    try setting.input.write("in")
    try FileDescriptor.writeAll(streams.1, Array("out".utf8))
    try FileDescriptor.writeAll(streams.2, Array("err".utf8))
    try setting.pump()
    #expect(try agent.read(streams.0) == Array("in".utf8))
    #expect(try setting.read(setting.output) == Array("out".utf8))
    #expect(try setting.read(setting.error) == Array("err".utf8))

    try session.signal(15)
    try session.resize(rows: 3, columns: 4)
    #expect(try agent.receive() == .signal(15))
    #expect(try agent.receive() == .resize(WindowSize(rows: 3, columns: 4)))

    // The end of our input is the end of the process's.
    setting.input.close()
    try setting.pump()
    #expect(try agent.read(streams.0) == nil)

    // The code comes behind all output, not before.
    try agent.send(.exited(Exit(code: 143, signal: 15)))
    try setting.pump()
    try FileDescriptor.writeAll(streams.1, Array("last".utf8))
    agent.connections[2].peer.close()
    try setting.pump()
    agent.connections[3].peer.close()
    #expect(try session.next(timeout: 10_000) == .exited(code: 143))
    #expect(try setting.read(setting.output) == Array("last".utf8))
    #expect(try setting.read(setting.output) == nil)
    #expect(try session.next(timeout: 10_000) == .lost)
  }

  @Test func aFailureHasItsCodeAndAdvice() throws {
    let setting = try Setting()
    try setting.session.exec(ExecRequest())
    try setting.agent.send(.failed(Failure("no such file", advice: "look", exitCode: 127)))
    #expect(
      try setting.session.next(timeout: 10_000)
        == .failed(RuntimeError("no such file", advice: "look", exitCode: 127)))
  }

  @Test func aSignalBeforeTheProcessExistsReachesIt() throws {
    let setting = try Setting()
    try setting.session.exec(ExecRequest())
    _ = try setting.agent.receive()
    try setting.session.signal(15)
    try setting.session.resize(rows: 1, columns: 2)
    #expect(throws: SystemError.self) { try setting.agent.receive() }
    try setting.agent.send(.streams(port: 5000))
    try setting.agent.send(.created(pid: 9))
    #expect(try setting.session.next(timeout: 10_000) == .created(pid: 9))
    #expect(try setting.agent.receive() == .signal(15))
    #expect(try setting.agent.receive() == .resize(WindowSize(rows: 1, columns: 2)))
  }

  @Test func aGuestThatIsNotThereIsAClearError() throws {
    let setting = try Setting()
    setting.agent.refusal = SystemError(ECONNREFUSED, "connect", "vsock port 1024")
    #expect(throws: RuntimeError.self) { try setting.session.exec(ExecRequest()) }
  }

  @Test func aConnectionThatEndsIsALostSessionBehindItsOutput() throws {
    let setting = try Setting.running()
    try FileDescriptor.writeAll(try setting.agent.stream(1), Array("bye".utf8))
    for connection in setting.agent.connections { connection.peer.close() }
    #expect(try setting.session.next(timeout: 10_000) == .lost)
    #expect(try setting.read(setting.output) == Array("bye".utf8))
  }

  @Test func outputOfAnyAmountArrivesAndASlowReaderSlowsTheGuestDown() throws {
    let setting = try Setting.running()
    let stream = try setting.agent.stream(1)
    let block = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let twice = block + block
    let total = 8 << 20
    var (sent, received) = (0, 0)
    var isFull = false
    // Nobody reads: what the guest gets rid of is bounded.
    while !isFull {
      let count = cl_send(stream, block, block.count, true)
      if count > 0 { sent += count }
      let before = sent
      try setting.pump()
      if count < 0 { isFull = cl_send(stream, block, 1, true) < 0 }
      if isFull { #expect(before < 2 << 20) } else if count < 0 { sent += 1 }
    }
    while received < sent {
      guard let bytes = try setting.read(setting.output), received < total else { break }
      received += bytes.count
      try setting.pump()
    }
    #expect(received == sent)
    // Read at once: it all comes in order.
    var position = 0
    var seen = 0
    while seen < total {
      if position < total {
        let start = position % block.count
        let count = block.withUnsafeBytes {
          cl_send(stream, $0.baseAddress! + start, block.count - start, true)
        }
        if count > 0 { position += count }
      }
      try setting.pump()
      guard let bytes = try setting.read(setting.output) else { break }
      let start = seen % block.count
      if bytes != Array(twice[start..<start + bytes.count]) {
        Issue.record("other bytes than those that were sent, at \(seen)")
        break
      }
      seen += bytes.count
    }
    #expect(seen >= total)
  }

  @Test func aReaderThatIsGoneIsPassedOnToTheGuest() throws {
    let setting = try Setting.running()
    let stream = try setting.agent.stream(1)
    setting.output.close()
    try FileDescriptor.writeAll(stream, [1])
    try setting.pump()
    var byte: UInt8 = 1
    #expect(cl_send(stream, &byte, 1, true) == -Int(EPIPE))
    // The process is still there, and its other streams are.
    try FileDescriptor.writeAll(try setting.agent.stream(2), Array("e".utf8))
    try setting.pump()
    #expect(try setting.read(setting.error) == Array("e".utf8))
  }

  @Test func aGuestThatClosesItsInputIsPassedOnToTheWriter() throws {
    let setting = try Setting.running()
    setting.agent.connections[1].peer.close()
    try setting.pump()
    var byte: UInt8 = 1
    #expect(cl_write(setting.input.rawValue, &byte, 1) == -Int(EPIPE))
  }

  @Test func aGuestThatClosesItsOutputIsTheEndForTheReader() throws {
    let setting = try Setting.running()
    setting.agent.connections[2].peer.close()
    try setting.pump()
    #expect(try setting.read(setting.output) == nil)
    #expect(try setting.read(setting.error) == [])
    // Its error stream is kept for a second: a machine that ends says why there.
    setting.agent.connections[3].peer.close()
    try setting.pump()
    #expect(try setting.session.next(timeout: 1100) == .timeout)
    #expect(try setting.read(setting.error) == nil)
  }

  @Test func watchedDescriptorsAreSeenThroughAFloodOfOutput() throws {
    let setting = try Setting.running()
    let stream = try setting.agent.stream(1)
    let other = try Pipe()
    try FileDescriptor.writeAll(other.writer.rawValue, [1])
    let block = [UInt8](repeating: 1, count: 65_536)
    _ = cl_send(stream, block, block.count, true)
    #expect(
      try setting.session.next(watching: [other.reader.rawValue], timeout: 10_000)
        == .readable(other.reader.rawValue))
  }

  @Test func theFlagsOfSharedFilesStayAsTheyAre() throws {
    let (first, second, third) = (try Pipe(), try Pipe(), try Pipe())
    let shared = [first.reader, second.writer, third.writer]
    let numbers = try shared.map { file in try system("dup") { cl_dup(file.rawValue) } }
    let agent = FakeAgent()
    let session = GuestSession(
      connect: agent.connector, terminal: false,
      stdio: (input: numbers[0], output: numbers[1], error: numbers[2]))
    try session.exec(ExecRequest())
    try agent.send(.streams(port: 5000))
    #expect(try session.next(timeout: 0) == .timeout)
    for descriptor in shared {
      #expect(cl_fcntl(descriptor.rawValue, F_GETFL, 0) & O_NONBLOCK == 0)
    }
    for number in numbers { _ = cl_close(number) }
  }
}

extension SharedDescriptor {
  func write(_ text: String) throws { try FileDescriptor.writeAll(rawValue, Array(text.utf8)) }
}
