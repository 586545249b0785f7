import CLinux
import GuestProtocol
import Linux
import Testing

@testable import GuestSession

struct HostileGuestTests {
  @Test(arguments: [
    [GuestMessage.created(pid: 1)], [.started], [.exited(Exit(code: 0))], [.oom],
    [.hello(Hello(kernel: "", agent: ""))], [.done(warnings: [])],
    [.streams(port: 5000), .streams(port: 5000)],
    [.streams(port: 5000), .started],
    [.streams(port: 5000), .exited(Exit(code: 0))],
  ])
  func aMessageOutOfOrderEndsTheSession(messages: [GuestMessage]) throws {
    let setting = try Setting()
    try setting.session.exec(ExecRequest())
    for message in messages { try setting.agent.send(message) }
    #expect(throws: RuntimeError.self) {
      while try setting.session.next(timeout: 10_000) != .timeout {}
    }
    #expect(try setting.session.next(timeout: 10_000) == .lost)
  }

  @Test(arguments: [
    [255, 255, 255, 255, 7, 1, 1, 0] as [UInt8], [0, 0, 0, 0, 7, 1, 9, 0],
    [0, 0, 0, 0, 1, 0, 1, 0], [2, 0, 0, 0, 7, 1, 1, 0, 0x5b, 0x5d],
  ])
  func aFrameThatLiesEndsTheSession(bytes: [UInt8]) throws {
    let setting = try Setting.running()
    try FileDescriptor.writeAll(setting.agent.control, bytes)
    #expect(throws: RuntimeError.self) { try setting.session.next(timeout: 10_000) }
  }

  @Test func warningsAreBounded() throws {
    let setting = try Setting.running()
    var told = 0
    for _ in 0..<100 {
      try setting.agent.send(.warning("again"))
      if try setting.session.next(timeout: 0) == .warning("again") { told += 1 }
    }
    #expect(told == 64)
  }

  @Test func streamsThatNeverEndDoNotKeepTheExitCode() throws {
    let setting = try Setting.running()
    setting.session.drain.silence = 20
    try setting.agent.send(.exited(Exit(code: 5)))
    #expect(try setting.session.next(timeout: 10_000) == .exited(code: 5))
  }

  @Test func aFloodBehindTheEndIsCut() throws {
    let setting = try Setting.running()
    let stream = try setting.agent.stream(1)
    try setting.agent.send(.exited(Exit(code: 5)))
    let block = [UInt8](repeating: 1, count: 65_536)
    var event = GuestSession.Event.timeout
    var received = 0
    while event == .timeout {
      _ = cl_send(stream, block, block.count, true)
      event = try setting.session.next(timeout: 0)
      received += try setting.read(setting.output)?.count ?? 0
      if received > 64 << 20 { break }
    }
    #expect(event == .exited(code: 5))
  }

  @Test func aReaderThatReadsNothingIsNotWaitedForBehindAnEndingSignal() throws {
    let setting = try Setting.running()
    setting.session.drain.shortSilence = 20
    let stream = try setting.agent.stream(1)
    let block = [UInt8](repeating: 1, count: 1 << 20)
    // More than the pipe and the session hold.
    var sent = 0
    while sent < 160 << 10 {
      sent += max(0, cl_send(stream, block, 1 << 16, true))
      try setting.pump()
    }
    try setting.session.signal(SIGTERM)
    try setting.agent.send(.exited(Exit(code: 143, signal: 15)))
    setting.agent.connections[2].peer.close()
    setting.agent.connections[3].peer.close()
    #expect(try setting.session.next(timeout: 10_000) == .exited(code: 143))
  }

  @Test func aGuestThatReadsNoSignalsEndsTheSessionNotTheHost() throws {
    let setting = try Setting.running()
    #expect(throws: RuntimeError.self) {
      for _ in 0..<1_000_000 { try setting.session.signal(1) }
    }
  }

  @Test func aGuestThatTakesNoInputBlocksNobody() throws {
    let setting = try Setting.running()
    let flags = cl_fcntl(setting.input.rawValue, F_GETFL, 0)
    _ = cl_fcntl(setting.input.rawValue, F_SETFL, Int(flags | O_NONBLOCK))
    let block = [UInt8](repeating: 1, count: 65_536)
    var (taken, idle) = (0, 0)
    while idle < 3 {
      let count = cl_write(setting.input.rawValue, block, block.count)
      if count > 0 { taken += count } else { idle += 1 }
      try setting.pump()
    }
    #expect(taken < 2 << 20)
    try setting.agent.send(.exited(Exit(code: 0)))
    for connection in setting.agent.connections.dropFirst() { connection.peer.close() }
    #expect(try setting.session.next(timeout: 10_000) == .exited(code: 0))
  }
}
