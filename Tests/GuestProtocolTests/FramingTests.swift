import CLinux
import Linux
import SeededRandom
import Testing

@testable import GuestProtocol

struct FramingTests {
  @Test func aFrameByteByByteIsOneMessage() throws {
    let pair = try StreamPair()
    var reader = MessageReader<HostMessage>()
    let bytes = try HostMessage.signal(2).encode()
    for byte in bytes.dropLast() {
      try pair.send([byte])
      guard case .waiting = try reader.next(from: pair.second.rawValue) else {
        Issue.record("a message before its end")
        return
      }
    }
    try pair.send([bytes.last!])
    guard case .message(.signal(2)) = try reader.next(from: pair.second.rawValue) else {
      Issue.record("no message")
      return
    }
  }

  @Test func theReaderTakesNoByteOfTheNextMessage() throws {
    let pair = try StreamPair()
    try pair.send(try HostMessage.start.encode() + Array("raw".utf8))
    var reader = MessageReader<HostMessage>()
    guard case .message(.start) = try reader.next(from: pair.second.rawValue) else {
      Issue.record("no message")
      return
    }
    var rest = [UInt8](repeating: 0, count: 8)
    #expect(cl_recv(pair.second.rawValue, &rest, 8, true) == 3)
  }

  @Test func theEndBetweenMessagesIsNoError() throws {
    let pair = try StreamPair()
    try pair.send(try HostMessage.start.encode())
    pair.first.close()
    var reader = MessageReader<HostMessage>()
    _ = try reader.next(from: pair.second.rawValue)
    guard case .ended = try reader.next(from: pair.second.rawValue) else {
      Issue.record("no end")
      return
    }
  }

  @Test func theEndInsideAMessageIsAnError() throws {
    let bytes = try HostMessage.signal(9).encode()
    for count in 1..<bytes.count {
      let pair = try StreamPair()
      try pair.send(Array(bytes.prefix(count)))
      pair.first.close()
      var reader = MessageReader<HostMessage>()
      #expect(throws: ProtocolError.truncated) { try reader.next(from: pair.second.rawValue) }
    }
  }

  @Test(arguments: [
    ([0, 0, 0, 0, 3, 0, 2, 0] as [UInt8], ProtocolError.version(2)),
    ([0, 0, 0, 0, 0, 0, 1, 0], .kind(0)),
    ([0, 0, 0, 0, 3, 1, 1, 0], .kind(0x103)),
    ([1, 0, 16, 0, 3, 0, 1, 0], .tooLarge("of kind 3", size: 1 << 20 | 1, limit: 1 << 20)),
    (
      [255, 255, 255, 255, 1, 0, 1, 0],
      .tooLarge("of kind 1", size: 0xffff_ffff, limit: 20 << 20)
    ),
  ])
  func aHeaderThatLiesIsRefusedBeforeItsPayload(header: [UInt8], error: ProtocolError) throws {
    let pair = try StreamPair()
    try pair.send(header)
    var reader = MessageReader<HostMessage>()
    #expect(throws: error) { try reader.next(from: pair.second.rawValue) }
  }

  @Test func randomGarbageIsAlwaysAnErrorOrAMessage() throws {
    var random = SeededRandom("randomGarbageIsAlwaysAnErrorOrAMessage")
    var errors = 0
    for _ in 0..<2000 {
      let pair = try StreamPair()
      var bytes = (0..<Int.random(in: 0...64, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      // Half of them get past the header.
      if Bool.random(using: &random), bytes.count >= 8 {
        let kind = GuestMessage.Kind.allCases.randomElement(using: &random)!.rawValue
        bytes.replaceSubrange(
          0..<8, with: [UInt8(bytes.count - 8), 0, 0, 0, UInt8(kind & 255), 1, 1, 0])
      }
      try pair.send(bytes)
      pair.first.close()
      var reader = MessageReader<GuestMessage>()
      do {
        while case .message = try reader.next(from: pair.second.rawValue) {}
      } catch { errors += 1 }
    }
    #expect(errors > 1000, "seed \(random.seed)")
  }

  @Test func aMutatedMessageIsAlwaysAnErrorOrAMessage() throws {
    var random = SeededRandom("aMutatedMessageIsAlwaysAnErrorOrAMessage")
    for message in Samples.guest {
      let payload = message.payload()
      for _ in 0..<300 {
        var bytes = payload
        for _ in 0...Int.random(in: 0...2, using: &random) where !bytes.isEmpty {
          let index = Int.random(in: 0..<bytes.count, using: &random)
          switch Int.random(in: 0...2, using: &random) {
          case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
          case 1: bytes.remove(at: index)
          default: bytes.insert(bytes[index], at: index)
          }
        }
        // It must end, and not trap; what it says is another matter.
        if let decoded = try? GuestMessage(kind: message.kind, payload: bytes) {
          #expect(decoded.kind == message.kind, "seed \(random.seed)")
        }
      }
    }
  }

  @Test func aWriterKeepsABoundedAmountForAPeerThatDoesNotRead() throws {
    let pair = try StreamPair()
    var writer = MessageWriter<HostMessage>()
    var refused = false
    for _ in 0..<200_000 where !refused {
      do {
        try writer.add(.signal(1))
        try writer.flush(to: pair.first.rawValue)
      } catch ProtocolError.notReading { refused = true }
    }
    #expect(refused)
  }

  @Test func aWriterSendsALargeMessageInParts() throws {
    let pair = try StreamPair()
    var request = CreateRequest()
    request.spec = String(repeating: "é\"", count: 1 << 20)
    var writer = MessageWriter<HostMessage>()
    try writer.add(.create(request))
    var reader = MessageReader<HostMessage>()
    for _ in 0..<10_000 {
      try writer.flush(to: pair.first.rawValue)
      if case .message(let message) = try reader.next(from: pair.second.rawValue) {
        #expect(message == .create(request))
        #expect(writer.isEmpty)
        return
      }
    }
    Issue.record("the message did not arrive")
  }

  @Test func aPeerThatIsGoneIsAnErrorWithoutASignal() throws {
    let pair = try StreamPair()
    pair.second.close()
    #expect(throws: ProtocolError.self) {
      try MessageWriter.send(GuestMessage.started, to: pair.first.rawValue)
    }
  }
}
