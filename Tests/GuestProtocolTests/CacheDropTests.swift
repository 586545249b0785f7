import CLinux
import GuestProtocol
import GuestSession
import Linux
import Testing

/// The question by which the guest's kernel gives files back, to agents of all kinds.
struct CacheDropTests {
  private let agent = FakeAgent()
  private let drop: CacheDrop

  init() { drop = CacheDrop(connect: agent.connector) }

  private func isReadable() -> Bool {
    var polled = pollfd(fd: drop.descriptor, events: Int16(POLLIN), revents: 0)
    return cl_poll(&polled, 1, 0) == 1
  }

  @Test func anAnswerEndsIt() throws {
    #expect(drop.descriptor == -1)
    #expect(drop.ask())
    #expect(agent.connections.map(\.port) == [Port.agent])
    #expect(try agent.receive() == .dropCaches)
    #expect(!isReadable())
    #expect(!drop.receive())
    try agent.send(.done(warnings: []))
    #expect(isReadable())
    #expect(drop.receive())
    #expect(drop.descriptor == -1)
    #expect(drop.ask())
    #expect(agent.connections.count == 2)
  }

  /// Neither is it asked again, nor does anybody wait for it.
  @Test func aGuestThatNeverAnswersHasOneConnection() throws {
    #expect(drop.ask())
    for _ in 0..<1000 {
      #expect(!drop.ask())
      #expect(!drop.receive())
    }
    #expect(agent.connections.count == 1)
  }

  @Test func aGuestThatAnswersTwiceOrFloodsIsHeardOnce() throws {
    #expect(drop.ask())
    for _ in 0..<100 { try agent.send(.done(warnings: [])) }
    #expect(drop.receive())
    #expect(drop.descriptor == -1)
    #expect(throws: ProtocolError.self) { for _ in 0..<10 { try agent.send(.oom) } }
  }

  @Test(
    arguments: [
      [0, 0, 0, 0, 9, 9, 1, 0], [255, 255, 255, 255, 9, 1, 1, 0], [0, 0, 0, 0, 9, 1, 2, 0],
      [2, 0, 0, 0, 9, 1, 1, 0, 91, 93], [2, 0, 0, 0, 5, 1, 1, 0, 123, 125],
    ] as [[UInt8]])
  func whatIsNoAnswerEndsItToo(bytes: [UInt8]) throws {
    #expect(drop.ask())
    try FileDescriptor.writeAll(agent.control, bytes)
    #expect(drop.receive())
    #expect(drop.descriptor == -1)
  }

  @Test func aPartOfAnAnswerIsNone() throws {
    #expect(drop.ask())
    try FileDescriptor.writeAll(agent.control, [2, 0, 0, 0, 9, 1])
    #expect(!drop.receive())
    try FileDescriptor.writeAll(agent.control, [1, 0, 123])
    #expect(!drop.receive())
    agent.connections[0].peer.close()
    #expect(drop.receive())
  }

  @Test func aMachineThatTakesNoConnectionIsNotAsked() {
    agent.refusal = SystemError(ECONNREFUSED, "connect")
    #expect(!drop.ask())
    #expect(drop.descriptor == -1)
    agent.refusal = nil
    #expect(drop.ask())
  }
}
