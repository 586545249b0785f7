import CLinux
import GuestSession
import Linux
import SeededRandom
import Testing

@testable import GuestProtocol

/// Messages that were changed at random, in both directions; SWRUN_SEED repeats a run.
struct RandomMessageTests {
  /// Frames of the samples with bytes changed, cut, doubled or put in; nothing traps, what is
  /// accepted is the same when it is sent on, and a fault is told in few words.
  private func mutate<Message: FramedMessage & Equatable>(
    _ samples: [Message], rounds: Int, _ name: String
  ) throws {
    var random = SeededRandom(name)
    let frames = try samples.map { try $0.encode() }
    var (accepted, refused) = (0, 0)
    for _ in 0..<rounds {
      var bytes = frames.randomElement(using: &random)!
      for _ in 0..<random.below(4) { Self.change(&bytes, &random) }
      let pair = try StreamPair()
      try pair.send(bytes)
      pair.first.close()
      var reader = MessageReader<Message>()
      do throws(ProtocolError) {
        while case .message(let message) = try reader.next(from: pair.second.rawValue) {
          let again = try Message(kind: message.kind, payload: message.payload())
          #expect(again == message, "seed \(random.seed)")
          accepted += 1
        }
      } catch {
        #expect(error.description.utf8.count < 10_000, "seed \(random.seed)")
        refused += 1
      }
    }
    #expect(accepted > rounds / 100 && refused > rounds / 100, "seed \(random.seed)")
  }

  private static func change(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
    guard !bytes.isEmpty else { return }
    let place = random.below(bytes.count)
    switch random.below(6) {
    case 0: bytes[place] = UInt8(random.below(256))
    case 1: bytes[place] ^= 1 << random.below(8)
    case 2: bytes.removeSubrange(place..<min(bytes.count, place + random.below(8)))
    case 3: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 8)], at: place)
    case 4: bytes.insert(contentsOf: Array("[{\"\\u12".utf8.prefix(random.below(7))), at: place)
    // A length that fits, so that the payload is looked at.
    default:
      guard bytes.count >= 8 else { return }
      for index in 0..<4 {
        bytes[index] = UInt8(truncatingIfNeeded: (bytes.count - 8) >> (8 * index))
      }
    }
  }

  @Test func changedGuestMessages() throws {
    try mutate(Samples.guest, rounds: 10_000, "guest messages")
  }

  @Test func changedHostMessages() throws {
    try mutate(Samples.host, rounds: 10_000, "host messages")
  }

  /// Whole sessions with an agent that says things in any order, on any connection, in any pieces.
  @Test func sessionsWithAnAgentThatSaysAnything() throws {
    var random = SeededRandom("sessions")
    let frames = try Samples.guest.map { try $0.encode() }
    var ends: Set<String> = []
    for _ in 0..<400 {
      let setting = try Setting()
      do {
        try setting.session.exec(ExecRequest())
        for step in 0..<40 {
          // Mostly what comes next, else nothing but the first message would be judged.
          let next = [2, 3, 4, 6, 7]
          let index =
            random.below(6) > 0 ? next[min(step, 4)] : random.below(frames.count)
          var bytes = frames[index]
          if random.below(20) == 0 { Self.change(&bytes, &random) }
          let connection = random.below(8) == 0 ? random.below(4) : 0
          if connection < setting.agent.connections.count {
            let peer = setting.agent.connections[connection].peer
            _ = cl_send(
              peer.rawValue, bytes, random.below(5) == 0 ? bytes.count / 2 : bytes.count, true)
            if random.below(60) == 0 { peer.close() }
          }
          let event = try setting.session.next(timeout: 0)
          if case .created = event { try setting.session.start() }
          if event == .lost { break }
        }
        ends.insert("\(try setting.session.next(timeout: 0) == .lost)")
      } catch let error as RuntimeError {
        #expect("\(error)".utf8.count < 20_000, "seed \(random.seed)")
        ends.insert("fault")
      }
    }
    #expect(ends.contains("fault") && ends.count > 1, "seed \(random.seed)")
  }
}
