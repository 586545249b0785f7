import CLinux
import GuestMemory
import Linux
import SeededRandom
import Testing

@testable import Virtio

/// A device that counts what the transport does with it, and answers each request with its length.
final class EchoDevice: VirtioDevice, @unchecked Sendable {
  let type: UInt32 = 42
  let features: UInt64 = 1 << 5
  let queueSizes: [UInt16] = [64, 64, 8]
  var queues: [Virtqueue?] = []
  var activations = 0
  var resets = 0
  var written: [UInt8] = []

  func readConfiguration(offset: UInt64, into bytes: UnsafeMutableRawBufferPointer) {
    for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: Int(offset) + index) }
  }
  func writeConfiguration(offset: UInt64, _ bytes: UnsafeRawBufferPointer) {
    written = [UInt8(offset)] + Array(bytes)
  }
  func activate(_ queues: [Virtqueue?], features: UInt64, _ loop: EventLoop) throws(SystemError) {
    self.queues = queues
    activations += 1
  }
  func process(queue index: Int) {
    queues[index]?.drain { chain in
      let answer = [UInt8(chain.readableBytes)]
      return answer.withUnsafeBytes { chain.write($0) }
    }
  }
  func reset() {
    queues = []
    resets += 1
  }
}

@Suite struct VhostUserTests {
  private let device = EchoDevice()

  @Test func featuresAreThoseOfTheDeviceAndOfRings() throws {
    let frontend = try FakeFrontend(device)
    #expect(
      frontend.ask(.getFeatures)
        == FakeFrontend.bytes(1 << 5 | Feature.ring | VhostUserBackend.protocolFeatures))
    #expect(frontend.ask(.getProtocolFeatures) == FakeFrontend.bytes(1 | 1 << 3 | 1 << 9 | 1 << 13))
    #expect(frontend.ask(.getQueueCount) == FakeFrontend.bytes(3))
  }

  @Test func theConfigurationSpaceIsReadAndWritten() throws {
    let frontend = try FakeFrontend(device)
    let head = FakeFrontend.pair(2, 4) + [0, 0, 0, 0]
    #expect(frontend.ask(.getConfiguration, head + [0, 0, 0, 0]) == head + [2, 3, 4, 5])
    frontend.send(.setConfiguration, head + [9, 8, 7, 6])
    #expect(frontend.expectAlive())
    #expect(device.written == [2, 9, 8, 7, 6])
  }

  @Test func requestsThatWantItAreAcknowledged() throws {
    let frontend = try FakeFrontend(device)
    frontend.begin()
    frontend.send(3, flags: 1 | 8)
    #expect(frontend.answer() == FakeFrontend.bytes(0))
  }

  /// Two queues at work, stopped, and resumed where they were.
  @Test func queuesAreServedStoppedAndResumed() throws {
    let frontend = try FakeFrontend(device)
    let kicks = try [FileDescriptorBox(eventfd: ()), FileDescriptorBox(eventfd: ())]
    let calls = try [FileDescriptorBox(eventfd: ()), FileDescriptorBox(eventfd: ())]
    let rings = [
      FakeRing(frontend.memory), FakeRing(frontend.memory, size: 32, at: 0x10000),
    ]
    func exchange(_ queue: Int, _ length: UInt32) throws {
      rings[queue].offer([(0x20000, length, false), (0x21000, 1, true)])
      _ = cl_eventfd_signal(kicks[queue].number)
      try #require(isReadable(calls[queue].number))
      _ = cl_eventfd_take(calls[queue].number)
      #expect(try #require(rings[queue].take()).length == 1)
      #expect(rings[queue].bytes(0x21000, 1) == [UInt8(length)])
    }
    frontend.begin()
    for index in 0..<2 {
      frontend.start(
        UInt32(index), rings[index], kick: kicks[index].number, call: calls[index].number)
    }
    frontend.send(.setRingEnable, FakeFrontend.pair(0, 1))
    #expect(frontend.expectAlive())
    // Not before all that were started are enabled.
    #expect(device.activations == 0)
    frontend.send(.setRingEnable, FakeFrontend.pair(1, 1))
    try exchange(0, 7)
    try exchange(1, 9)
    try exchange(0, 11)
    #expect(device.activations == 1)
    #expect(device.queues.count == 3 && device.queues[2] == nil)
    // The same memory again is no change.
    frontend.sendMemory()
    #expect(frontend.expectAlive())
    #expect(frontend.ask(.getRingBase, FakeFrontend.pair(0, 0)) == FakeFrontend.pair(0, 2))
    #expect(device.resets == 1)
    #expect(frontend.ask(.getRingBase, FakeFrontend.pair(1, 0)) == FakeFrontend.pair(1, 1))
    for (index, base) in [UInt16(2), 1].enumerated() {
      frontend.start(
        UInt32(index), rings[index], kick: kicks[index].number, call: calls[index].number,
        base: base)
    }
    try exchange(0, 13)
    try exchange(1, 15)
    // Both are still enabled: the first alone, then both.
    #expect(device.activations == 3)
    frontend.closeSocket()
    #expect(frontend.awaitEnd() == .some(nil))
    #expect(device.resets == 3)
  }

  @Test func aBrokenRingIsTheEnd() throws {
    let frontend = try FakeFrontend(device)
    let kick = try FileDescriptorBox(eventfd: ())
    let ring = FakeRing(frontend.memory)
    frontend.begin()
    frontend.start(0, ring, kick: kick.number, call: kick.number)
    frontend.send(.setRingEnable, FakeFrontend.pair(0, 1))
    ring.setAvailable(100)
    _ = cl_eventfd_signal(kick.number)
    #expect(frontend.awaitEnd() == .some(.ring(0, .availableIndex)))
  }

  // MARK: What ends the connection

  private func expectEnd(
    _ name: String, _ send: (FakeFrontend) throws -> Void
  ) throws {
    let frontend = try FakeFrontend(device)
    try send(frontend)
    let end = try #require(frontend.awaitEnd(), "\(name): still open")
    #expect(end != nil, "\(name)")
  }

  @Test(arguments: [0, 6, 7, 19, 20, 21, 26, 32, 40, 100, UInt32.max])
  func unknownRequests(_ number: UInt32) throws {
    try expectEnd("\(number)") { $0.send(number) }
  }

  @Test func headersThatAreWrong() throws {
    try expectEnd("version 0") { $0.send(1, flags: 0) }
    try expectEnd("version 2") { $0.send(1, flags: 2) }
    try expectEnd("an answer") { $0.send(1, flags: 5) }
    try expectEnd("length") { $0.send(1, length: 513) }
    try expectEnd("huge length") { $0.send(1, length: .max) }
  }

  @Test func payloadsThatAreWrong() throws {
    for request: VhostUserMessage.Request in [
      .getFeatures, .setOwner, .getQueueCount, .resetDevice,
    ] { try expectEnd("\(request)") { $0.send(request, [0]) } }
    for request: VhostUserMessage.Request in [
      .setFeatures, .setProtocolFeatures, .setRingSize, .setRingBase, .getRingBase, .setRingEnable,
      .setRingAddress, .setRingKick, .setRingCall, .setRingError, .setMemoryTable,
      .getConfiguration, .setConfiguration,
    ] {
      try expectEnd("\(request), empty") { $0.send(request) }
      try expectEnd("\(request), 7") { $0.send(request, [UInt8](repeating: 0, count: 7)) }
      try expectEnd("\(request), 41") { $0.send(request, [UInt8](repeating: 0xff, count: 41)) }
    }
  }

  @Test func valuesThatAreWrong() throws {
    let fd = try FileDescriptorBox(eventfd: ())
    typealias Frontend = FakeFrontend
    try expectEnd("features") { $0.send(.setFeatures, Frontend.bytes(1 << 60 | 1 << 30)) }
    try expectEnd("protocol") { $0.send(.setProtocolFeatures, Frontend.bytes(1 << 5)) }
    try expectEnd("no protocol") { $0.send(.setFeatures, Frontend.bytes(Feature.version1)) }
    for request: VhostUserMessage.Request in [.setRingSize, .setRingBase, .setRingEnable] {
      try expectEnd("\(request) of queue 3") { $0.send(request, Frontend.pair(3, 1)) }
    }
    for size: UInt32 in [0, 3, 2048, 1 << 31] {
      try expectEnd("size \(size)") { $0.send(.setRingSize, Frontend.pair(0, size)) }
    }
    try expectEnd("base") { $0.send(.setRingBase, Frontend.pair(0, 65536)) }
    try expectEnd("enable") { $0.send(.setRingEnable, Frontend.pair(0, 2)) }
    try expectEnd("log") {
      $0.send(.setRingAddress, Frontend.pair(0, 1) + Frontend.bytes(0, 0, 0, 0))
    }
    try expectEnd("kick of queue 3") { $0.send(.setRingKick, Frontend.bytes(3), fds: [fd.number]) }
    try expectEnd("kick of queue 2^40") {
      $0.send(.setRingKick, Frontend.bytes(1 << 40), fds: [fd.number])
    }
    try expectEnd("kick without") { $0.send(.setRingKick, Frontend.bytes(0)) }
    try expectEnd("polling") { $0.send(.setRingKick, Frontend.bytes(0x100)) }
    try expectEnd("two kicks") {
      $0.send(.setRingKick, Frontend.bytes(0), fds: [fd.number, fd.number])
    }
    try expectEnd("a descriptor too many") { $0.send(.setOwner, fds: [fd.number]) }
    try expectEnd("configuration") {
      $0.send(.getConfiguration, Frontend.pair(0, 300) + [UInt8](repeating: 0, count: 304))
    }
  }

  @Test func memoryThatIsWrong() throws {
    let user = FakeFrontend.userBase
    let last: UInt64 = .max & ~0xfff
    func wrong(_ name: String, _ regions: [UInt64]...) throws {
      try expectEnd(name) { $0.sendMemory(regions) }
    }
    try wrong("empty", [0, 0, user, 0])
    try wrong("behind the file's end", [0, 4 << 20, user, 4096])
    try wrong("huge", [0, 1 << 60, user, 0])
    try wrong("size around", [0, last, user, 4096])
    try wrong("offset around", [0, 4096, user, last])
    try wrong("address around", [last, 4096, user, 0])
    try wrong("user address around", [0, 8192, last, 0])
    try wrong("not aligned", [1, 4096, user, 0])
    try wrong("size not aligned", [0, 4097, user, 0])
    try wrong("overlap", [0, 8192, user, 0], [4096, 4096, user + 16384, 0])
    try wrong("user overlap", [0, 4096, user, 0], [16384, 4096, user, 0])
    try expectEnd("no region") { $0.sendMemory([], count: 0) }
    try expectEnd("nine regions") { $0.sendMemory([], count: 9) }
    try expectEnd("more than are there") { $0.sendMemory(count: 2) }
    try expectEnd("no descriptor") { $0.sendMemory(fds: []) }
    let event = try FileDescriptorBox(eventfd: ())
    try expectEnd("no memory") { $0.sendMemory(fds: [event.number]) }
    let loose = FileDescriptorBox(try system("memfd_create") { cl_memfd_create("loose", 3) })
    try system("ftruncate") { cl_ftruncate(loose.number, 4 << 20) }
    try expectEnd("may shrink") { $0.sendMemory(fds: [loose.number]) }
  }

  @Test func ringsOutsideOfTheMemory() throws {
    let event = try FileDescriptorBox(eventfd: ())
    for place: UInt64 in [0, FakeFrontend.userBase - 4096, FakeFrontend.userBase + (4 << 20), .max]
    {
      try expectEnd("ring at \(place)") { frontend in
        frontend.begin()
        frontend.start(0, FakeRing(frontend.memory), kick: event.number, call: event.number)
        frontend.send(
          .setRingAddress, FakeFrontend.pair(0, 0) + FakeFrontend.bytes(place, place, place, 0))
        frontend.send(.setRingEnable, FakeFrontend.pair(0, 1))
      }
    }
    #expect(device.activations == 0)
  }

  @Test func changesOfAnActiveDevice() throws {
    let event = try FileDescriptorBox(eventfd: ())
    func active(_ then: (FakeFrontend) -> Void) throws {
      try expectEnd("while active") { frontend in
        frontend.begin()
        frontend.start(0, FakeRing(frontend.memory), kick: event.number, call: event.number)
        frontend.send(.setRingEnable, FakeFrontend.pair(0, 1))
        then(frontend)
      }
    }
    try active { $0.send(.setRingSize, FakeFrontend.pair(0, 32)) }
    try active { $0.send(.setRingBase, FakeFrontend.pair(0, 1)) }
    try active { $0.send(.setRingKick, FakeFrontend.bytes(0), fds: [event.number]) }
    try active {
      $0.send(.setRingAddress, FakeFrontend.pair(0, 0) + FakeFrontend.bytes(0, 0, 0, 0))
    }
    try active { $0.sendMemory([[0, 4096, FakeFrontend.userBase, 0]]) }
    try active {
      $0.send(.setFeatures, FakeFrontend.bytes(Feature.ring | VhostUserBackend.protocolFeatures))
    }
    #expect(device.activations == 6 && device.resets == 6)
  }

  /// Whatever is sent, the back-end ends or goes on: it neither traps nor hangs.
  @Test func randomMessages() throws {
    var random = SeededRandom("vhost-user")
    let fd = try FileDescriptorBox(eventfd: ())
    for _ in 0..<300 * SeededRandom.scale {
      let frontend = try FakeFrontend(EchoDevice())
      if random.once(in: 2) { frontend.begin() }
      if random.once(in: 2) {
        frontend.start(0, FakeRing(frontend.memory), kick: fd.number, call: fd.number)
      }
      for _ in 0..<random.below(12) {
        var payload = (0..<random.below(random.once(in: 4) ? 60 : 9)).map { _ in
          UInt8(random.below(random.once(in: 2) ? 256 : 3))
        }
        if random.once(in: 2) {
          payload = FakeFrontend.pair(UInt32(random.below(4)), UInt32(random.below(3)))
        }
        let fds = [CInt](repeating: fd.number, count: random.once(in: 4) ? Int(random.below(9)) : 0)
        frontend.send(
          UInt32(random.below(36)), payload, fds: fds,
          flags: random.once(in: 20) ? UInt32(random.below(16)) : 1,
          length: random.once(in: 20) ? UInt32(random.below(1 << 32)) : nil)
      }
      frontend.closeSocket()
      #expect(frontend.awaitEnd() != nil)
    }
  }
}
