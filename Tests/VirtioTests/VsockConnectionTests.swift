import CLinux
import SeededRandom
import Testing

@testable import Virtio

/// The protocol of one stream, without queues and sockets.
@Suite struct VsockConnectionTests {
  private func packet(
    _ operation: VsockHeader.Operation, length: UInt32 = 0, window: UInt32 = 1000,
    forwarded: UInt32 = 0, flags: UInt32 = 0
  ) -> VsockHeader {
    var header = VsockHeader()
    header.rawOperation = operation.rawValue
    header.length = length
    header.window = window
    header.forwarded = forwarded
    header.flags = flags
    return header
  }

  private func established() -> VsockConnection {
    var connection = VsockConnection(requestingFrom: 7, to: 1024)
    _ = connection.nextControl()
    #expect(connection.receive(packet(.response)) == .opened)
    return connection
  }

  @Test func headersAreFortyFourBytes() {
    var header = packet(.data, length: 5, window: 6, forwarded: 7, flags: 8)
    header.sourceCID = 0x0102_0304_0506_0708
    header.targetCID = 2
    header.sourcePort = 0xaabb_ccdd
    header.targetPort = 1024
    var bytes = [UInt8](repeating: 0xff, count: 44)
    bytes.withUnsafeMutableBytes { header.store(into: $0) }
    #expect(bytes[0] == 8 && bytes[7] == 1)
    #expect(Array(bytes[16..<20]) == [0xdd, 0xcc, 0xbb, 0xaa])
    #expect(Array(bytes[28..<32]) == [1, 0, 5, 0])
    #expect(bytes.withUnsafeBytes { VsockHeader($0) } == header)
  }

  @Test func aRequestIsAnsweredOnce() {
    var connection = VsockConnection(requestingFrom: 7, to: 1024)
    let request = connection.nextControl()
    #expect(request?.operation == .request)
    #expect(request?.sourcePort == 7 && request?.targetPort == 1024)
    #expect(request?.window == VsockConnection.window)
    #expect(connection.nextControl() == nil)
    #expect(connection.receive(packet(.response)) == .opened)
    #expect(connection.credit == 1000)
    #expect(connection.receive(packet(.response)) == .violation)
    #expect(connection.nextControl()?.operation == .reset)
    #expect(connection.nextControl() == nil)
  }

  @Test func anAnswerToNoRequestIsAViolation() {
    var connection = VsockConnection(requestingFrom: 7, to: 1024)
    #expect(connection.receive(packet(.response)) == .violation)
    // The guest never heard of the connection: nothing is to be reset there.
    #expect(connection.nextControl() == nil)
  }

  @Test func creditIsWhatTheGuestSaysMinusWhatIsOnItsWay() {
    var connection = established()
    #expect(connection.data(600).length == 600)
    #expect(connection.credit == 400)
    _ = connection.data(400)
    #expect(connection.credit == 0)
    _ = connection.receive(packet(.creditUpdate, forwarded: 600))
    #expect(connection.credit == 600)
  }

  @Test(arguments: [UInt32(1), 1001, 0x8000_0000, .max])
  func liesAboutForwardedBytesGiveNoCreditBeyondTheWindow(_ forwarded: UInt32) {
    var connection = established()
    _ = connection.data(500)
    _ = connection.receive(packet(.creditUpdate, forwarded: forwarded))
    #expect(connection.credit <= 1000)
    _ = connection.receive(packet(.creditUpdate, window: 0, forwarded: forwarded))
    #expect(connection.credit == 0)
  }

  @Test func aSmallerWindowThanWhatIsOnItsWayIsNoCredit() {
    var connection = established()
    _ = connection.data(500)
    _ = connection.receive(packet(.creditUpdate, window: 499))
    #expect(connection.credit == 0)
  }

  @Test func creditIsAskedForOnce() {
    var connection = established()
    connection.askForCredit()
    #expect(connection.nextControl() == nil)
    _ = connection.data(1000)
    connection.askForCredit()
    #expect(connection.nextControl()?.operation == .creditRequest)
    connection.askForCredit()
    #expect(connection.nextControl() == nil)
    _ = connection.receive(packet(.creditUpdate, forwarded: 1000))
    _ = connection.data(1000)
    connection.askForCredit()
    #expect(connection.nextControl()?.operation == .creditRequest)
  }

  @Test func moreThanTheWindowIsAViolation() {
    var connection = established()
    let window = VsockConnection.window
    #expect(connection.receive(packet(.data, length: window)) == .data(window))
    #expect(connection.buffered == window)
    connection.forward(10)
    #expect(connection.receive(packet(.data, length: 10)) == .data(10))
    #expect(connection.receive(packet(.data, length: 1)) == .violation)
    #expect(connection.receive(packet(.data, length: 1)) == .none)
  }

  @Test func theGuestIsToldOfRoomAtHalfOfTheWindow() {
    var connection = established()
    let half = VsockConnection.window / 2
    _ = connection.receive(packet(.data, length: 2 * half))
    connection.forward(half - 1)
    #expect(connection.nextControl() == nil)
    connection.forward(1)
    let update = connection.nextControl()
    #expect(update?.operation == .creditUpdate)
    #expect(update?.forwarded == half)
    #expect(connection.nextControl() == nil)
  }

  @Test func halvesEndOneByOne() {
    var connection = established()
    #expect(connection.receive(packet(.shutdown, flags: 2)) == .shutdown(.send))
    #expect(connection.receive(packet(.data, length: 1)) == .violation)
    connection = established()
    #expect(connection.receive(packet(.shutdown, flags: 1)) == .shutdown(.receive))
    #expect(connection.credit == 0)
    #expect(connection.receive(packet(.data, length: 1)) == .data(1))
    #expect(connection.receive(packet(.shutdown, flags: 0xffff_fffe)) == .shutdown(.both))
    connection = established()
    connection.end(.send)
    #expect(connection.credit == 0)
    #expect(connection.nextControl()?.flags == VsockShutdown.send.rawValue)
    connection.end(.send)
    #expect(connection.nextControl() == nil)
    connection.end(.both)
    #expect(connection.nextControl()?.flags == VsockShutdown.both.rawValue)
  }

  /// Whatever comes, nothing traps, and what is buffered and granted stays within bounds.
  @Test func randomPacketsKeepTheBounds() {
    var random = SeededRandom("vsock connection")
    for _ in 0..<200 * SeededRandom.scale {
      var connection =
        random.once(in: 2)
        ? VsockConnection(requestingFrom: 7, to: 1024)
        : VsockConnection(accepting: packet(.request, window: UInt32(random.below(1 << 32))))
      for _ in 0..<200 {
        switch random.below(8) {
        case 0...3:
          var header = VsockHeader()
          header.rawOperation = UInt16(random.below(10))
          header.length = UInt32(random.below(random.once(in: 3) ? 1 << 32 : 1 << 18))
          header.flags = UInt32(random.below(1 << 32))
          header.window = UInt32(random.below(random.once(in: 2) ? 1 << 32 : 4096))
          header.forwarded = UInt32(random.below(1 << 32))
          _ = connection.receive(header)
        case 4: connection.forward(UInt32(random.below(1 << 32)))
        case 5: if connection.credit > 0 { _ = connection.data(connection.credit) }
        case 6: connection.end(VsockShutdown(rawValue: UInt32(random.below(4))))
        default: connection.askForCredit()
        }
        #expect(connection.buffered <= VsockConnection.window)
        for _ in 0..<8 { _ = connection.nextControl() }
        #expect(connection.pending.isEmpty)
      }
    }
  }
}
