import CLinux
import Linux
import SeededRandom
import Testing

@testable import Virtio

/// What a guest may try: it ends its own streams, and nothing else happens.
@Suite struct VsockHostilityTests {
  private func connected(_ guest: FakeVsockGuest) throws -> (FileDescriptorBox, VsockHeader) {
    let host = FileDescriptorBox(try guest.device.connect(port: 1024))
    return (host, try #require(guest.accept()))
  }

  private func works(_ guest: FakeVsockGuest) throws {
    guest.window = 1 << 18
    guest.forwarded = 0
    let host = FileDescriptorBox(try guest.device.connect(port: 4321))
    var request: VsockHeader?
    // Answers to what was sent before may come first.
    while request == nil {
      let packet = try #require(guest.receive())
      if packet.header.operation == .request, packet.header.targetPort == 4321 {
        request = packet.header
      }
    }
    let port = try #require(request).sourcePort
    guest.send(guest.header(.response, from: 4321, to: port))
    guest.send(guest.header(.data, from: 4321, to: port), Array("alive".utf8))
    #expect(host.read(5) == Array("alive".utf8))
  }

  @Test func packetsOfNobodyAreReset() throws {
    let guest = try FakeVsockGuest()
    for operation in [
      VsockHeader.Operation.response, .data, .shutdown, .creditUpdate, .creditRequest,
    ] {
      guest.send(guest.header(operation, from: 1, to: 2))
      let answer = try #require(guest.receive()).header
      #expect(answer.operation == .reset)
      #expect(answer.sourcePort == 2 && answer.targetPort == 1)
    }
    // A reset is not answered by one.
    guest.send(guest.header(.reset, from: 1, to: 2))
    guest.settle()
    #expect(guest.receiveNow() == nil)
    try works(guest)
  }

  @Test func otherContextsAndTypesAreNotServed() throws {
    let guest = try FakeVsockGuest()
    let (host, request) = try connected(guest)
    var header = guest.header(.data, from: 1024, to: request.sourcePort)
    header.sourceCID = 4
    guest.send(header, [1])
    header = guest.header(.data, from: 1024, to: request.sourcePort)
    header.targetCID = 0x1_0000_0002
    guest.send(header, [1])
    guest.settle()
    #expect(guest.receiveNow() == nil)
    header = guest.header(.data, from: 1024, to: request.sourcePort)
    header.type = 2
    guest.send(header, [1])
    let answer = try #require(guest.receive()).header
    #expect(answer.operation == .reset && answer.type == 2)
    try works(guest)
    withExtendedLifetime(host) {}
  }

  @Test func aLengthBeyondTheBufferEndsTheStream() throws {
    let guest = try FakeVsockGuest()
    let (host, request) = try connected(guest)
    guest.send(guest.header(.data, from: 1024, to: request.sourcePort), [1, 2], length: 100)
    #expect(try #require(guest.receive()).header.operation == .reset)
    #expect(host.isAtEnd)
    guest.send(guest.header(.data, from: 1024, to: request.sourcePort), [1])
    #expect(try #require(guest.receive()).header.operation == .reset)
    try works(guest)
  }

  @Test func shortPacketsAndShortBuffersAreGivenBack() throws {
    let guest = try FakeVsockGuest(offersBuffers: false)
    guest.post([1, 2, 3])
    guest.settle()
    #expect(guest.sending.take() != nil)
    // A buffer without room for a header, then a good one.
    let host = FileDescriptorBox(try guest.device.connect(port: 1))
    guest.receiving.offer([(0x1f000, 43, true)], first: 30)
    guest.kick(0)
    guest.offer(0)
    guest.settle()
    let wasted = try #require(guest.receiving.take())
    #expect(wasted.head == 30 && wasted.length == 0)
    #expect(try #require(guest.receive()).header.operation == .request)
    withExtendedLifetime(host) {}
  }

  @Test func answersThatFindNoBufferStopTheGuestsQueue() throws {
    let guest = try FakeVsockGuest(ringSize: 512, offersBuffers: false)
    for _ in 0..<400 { guest.post(guest.header(.data, from: 1, to: 2)) }
    guest.settle()
    var taken = 0
    while guest.sending.take() != nil { taken += 1 }
    #expect(taken == 256)
    for slot in 0..<512 { guest.offer(UInt16(slot)) }
    for _ in 0..<400 { #expect(try #require(guest.receive()).header.operation == .reset) }
    while taken < 400 {
      guest.settle()
      while guest.sending.take() != nil { taken += 1 }
    }
    try works(guest)
  }

  /// Raises the limit of open files to what is allowed, and tells it.
  private static func openFiles() throws(SystemError) -> UInt {
    var limit = rlimit()
    try system("getrlimit", "RLIMIT_NOFILE") { cl_getrlimit(CInt(CL_RLIMIT_NOFILE), &limit) }
    limit.rlim_cur = limit.rlim_max
    try system("setrlimit", "RLIMIT_NOFILE") { cl_setrlimit(CInt(CL_RLIMIT_NOFILE), &limit) }
    return limit.rlim_max
  }

  @Test(.enabled(if: try openFiles() > 5 * VsockDevice.connectionLimit, "too few open files"))
  func connectionsAreBounded() throws {
    let guest = try FakeVsockGuest(offersBuffers: false)
    var ends: [FileDescriptorBox] = []
    var refusal: SystemError?
    // Those that were made, those that wait, and no more.
    for _ in 0..<3 * VsockDevice.connectionLimit where refusal == nil {
      do throws(SystemError) {
        ends.append(FileDescriptorBox(try guest.device.connect(port: 1)))
      } catch { refusal = error }
      guest.settle()
    }
    #expect(refusal?.errno == EBUSY)
    #expect(ends.count == 2 * VsockDevice.connectionLimit)
  }

  /// Whatever is said, a good stream works beside it and afterwards.
  @Test func randomPacketsDisturbNobody() throws {
    var random = SeededRandom("vsock device")
    let guest = try FakeVsockGuest()
    let (good, goodRequest) = try connected(guest)
    var ports: [UInt32] = []
    var ends: [FileDescriptorBox] = []
    for round in 0..<2000 * SeededRandom.scale {
      if random.once(in: 50) {
        ends.append(FileDescriptorBox(try guest.device.connect(port: 1024)))
        if random.once(in: 2) { ends.last?.write([UInt8](repeating: 1, count: 5000)) }
      }
      if random.once(in: 60), !ends.isEmpty { ends.removeFirst() }
      while let packet = guest.receiveNow() {
        if packet.header.operation == .request { ports.append(packet.header.sourcePort) }
      }
      var header = guest.header(.response, from: 1024, to: ports.randomElement(using: &random) ?? 1)
      header.rawOperation = UInt16(random.below(random.once(in: 10) ? 1 << 16 : 9))
      if header.targetPort == goodRequest.sourcePort { continue }
      header.flags = UInt32(random.below(random.once(in: 5) ? 1 << 32 : 4))
      header.window = UInt32(random.below(random.once(in: 2) ? 1 << 32 : 10000))
      header.forwarded = UInt32(random.below(random.once(in: 2) ? 1 << 32 : 10000))
      if random.once(in: 20) { header.type = UInt16(random.below(4)) }
      if random.once(in: 20) { header.sourcePort = UInt32(random.below(5)) }
      let data = [UInt8](repeating: 2, count: Int(random.below(3000)))
      let length = random.once(in: 10) ? UInt32(random.below(1 << 32)) : nil
      try #require(guest.send(header, data, length: length))
      if round % 100 == 0 {
        let text = Array("round \(round)".utf8)
        guest.send(guest.header(.data, from: 1024, to: goodRequest.sourcePort), text)
        #expect(good.read(text.count) == text)
      }
    }
    while guest.receiveNow() != nil {}
    try works(guest)
  }
}
