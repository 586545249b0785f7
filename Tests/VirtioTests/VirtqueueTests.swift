import CLinux
import GuestMemory
import Testing

@testable import Virtio

/// A queue of 16 over a fresh ring at 0x1000, and its driver.
private struct Fixture {
  let ring: FakeRing
  let queue: Virtqueue
  let interrupt = CountingInterrupt()
  let kick = cl_eventfd(0)

  init(_ features: UInt64 = Feature.ring, size: UInt16 = 16) {
    ring = FakeRing(guestMemory(), size: size)
    queue = Virtqueue(
      memory: ring.memory, layout: ring.layout, features: features, kick: kick,
      interrupt: interrupt)!
  }
  func close() { _ = cl_close(kick) }
}

@Suite struct VirtqueueTests {
  @Test func chainIsCopiedBothWays() throws {
    let fixture = Fixture()
    defer { fixture.close() }
    let ring = fixture.ring
    ring.fill(0x8000, Array("hello, ".utf8))
    ring.fill(0x9000, Array("ring".utf8))
    ring.offer([(0x8000, 7, false), (0x9000, 4, false), (0xa000, 3, true), (0xb000, 100, true)])
    let chain = try #require(fixture.queue.next())
    #expect(chain.readableBytes == 11 && chain.writableBytes == 103)
    #expect(chain.readable.count == 2 && chain.writable.count == 2)
    var copy = [UInt8](repeating: 0, count: 20)
    #expect(copy.withUnsafeMutableBytes { chain.read(into: $0) } == 11)
    #expect(Array(copy[..<11]) == Array("hello, ring".utf8))
    #expect(copy.withUnsafeMutableBytes { chain.read(into: $0, from: 8) } == 3)
    #expect(Array(copy[..<3]) == Array("ing".utf8))
    let written = Array("answer".utf8).withUnsafeBytes { chain.write($0, at: 1) }
    fixture.queue.complete(chain, written: 1 + written)
    fixture.queue.notify()
    #expect(fixture.interrupt.signals == 1)
    let used = try #require(ring.take())
    #expect(used.head == 0 && used.length == 7)
    #expect(ring.bytes(0xa001, 2) == Array("an".utf8))
    #expect(ring.bytes(0xb000, 4) == Array("swer".utf8))
    #expect(fixture.queue.next() == nil && !fixture.queue.isBroken)
  }

  @Test func writtenIsNeverMoreThanThereWasRoom() throws {
    let fixture = Fixture()
    defer { fixture.close() }
    fixture.ring.offer([(0x8000, 8, true)])
    fixture.queue.complete(try #require(fixture.queue.next()), written: 1 << 40)
    #expect(fixture.ring.take()?.length == 8)
    fixture.ring.offer([(0x8000, 8, true)])
    fixture.queue.complete(try #require(fixture.queue.next()), written: -1)
    #expect(fixture.ring.take()?.length == 0)
  }

  @Test func completedTwiceIsCompletedOnce() throws {
    let fixture = Fixture()
    defer { fixture.close() }
    fixture.ring.offer([(0x8000, 8, true)])
    let chain = try #require(fixture.queue.next())
    fixture.queue.complete(chain, written: 8)
    fixture.queue.complete(chain, written: 8)
    #expect(fixture.ring.take() != nil && fixture.ring.take() == nil)
    #expect(fixture.queue.lent == 0)
  }

  @Test func putBackIsFoundAgain() throws {
    let fixture = Fixture()
    defer { fixture.close() }
    fixture.ring.offer([(0x8000, 8, true)], first: 3)
    let first = try #require(fixture.queue.next())
    #expect(fixture.queue.next() == nil)
    fixture.queue.putBack(first)
    #expect(fixture.queue.lent == 0 && fixture.queue.hasNext)
    #expect(fixture.queue.next()?.head == 3)
  }

  @Test func indirectTableBehindDirectDescriptors() throws {
    let fixture = Fixture()
    defer { fixture.close() }
    let ring = fixture.ring
    // An address that is not a multiple of 16: allowed for tables.
    let table: UInt64 = 0x10001
    ring.describe(0, 0x8000, 4, FakeRing.next, next: 2, table: table)
    ring.describe(2, 0x9000, 5, FakeRing.next | FakeRing.write, next: 1, table: table)
    ring.describe(1, 0xa000, 6, FakeRing.write, table: table)
    ring.describe(5, 0x7000, 3, FakeRing.next, next: 9)
    // WRITE beside INDIRECT is ignored (2.7.5.3.2).
    ring.describe(9, table, 48, FakeRing.indirect | FakeRing.write)
    ring.offer(head: 5)
    let chain = try #require(fixture.queue.next())
    #expect(chain.readable.map(\.count) == [3, 4] && chain.writable.map(\.count) == [5, 6])
    #expect(chain.head == 5)
  }

  @Test func emptyBuffersAreNoSegments() throws {
    let fixture = Fixture()
    defer { fixture.close() }
    // The address of nothing does not matter.
    fixture.ring.offer([(0xffff_ffff_ffff_f000, 0, false), (0x8000, 4, false), (0x9000, 0, true)])
    let chain = try #require(fixture.queue.next())
    #expect(chain.readable.count == 1 && chain.writable.isEmpty)
    fixture.ring.offer([(0x8000, 0, false)], first: 8)
    let empty = try #require(fixture.queue.next())
    #expect(empty.readable.isEmpty && empty.writable.isEmpty && empty.head == 8)
  }

  @Test func longChainsGrowTheirObject() throws {
    let fixture = Fixture(size: 1024)
    defer { fixture.close() }
    fixture.ring.offer((0..<1024).map { (0x10_0000 + UInt64($0) * 64, UInt32(64), $0 >= 1000) })
    let chain = try #require(fixture.queue.next())
    #expect(chain.readable.count == 1000 && chain.writable.count == 24)
    #expect(chain.writable[23].baseAddress == fixture.ring.pointer(0x10_0000 + 1023 * 64))
  }
}

// MARK: Notification

@Suite struct NotificationTests {
  @Test func interruptsByFlag() throws {
    let fixture = Fixture(Feature.version1)
    defer { fixture.close() }
    func request() throws {
      fixture.ring.offer([(0x8000, 8, true)])
      fixture.queue.complete(try #require(fixture.queue.next()), written: 0)
      fixture.queue.notify()
    }
    try request()
    #expect(fixture.interrupt.signals == 1)
    fixture.ring.setAvailableFlags(UInt16(VRING_AVAIL_F_NO_INTERRUPT))
    try request()
    #expect(fixture.interrupt.signals == 1)
    // Nothing new: nothing told.
    fixture.ring.setAvailableFlags(0)
    fixture.queue.notify()
    #expect(fixture.interrupt.signals == 1)
  }

  @Test func interruptsByEventIndex() throws {
    let fixture = Fixture()
    defer { fixture.close() }
    func requests(_ count: Int) throws {
      for _ in 0..<count {
        fixture.ring.offer([(0x8000, 8, true)])
        fixture.queue.complete(try #require(fixture.queue.next()), written: 0)
      }
      fixture.queue.notify()
    }
    // Wanted with the third.
    fixture.ring.setUsedEvent(2)
    try requests(2)
    #expect(fixture.interrupt.signals == 0)
    try requests(1)
    #expect(fixture.interrupt.signals == 1)
    try requests(5)
    #expect(fixture.interrupt.signals == 1)
    fixture.ring.setUsedEvent(9)
    try requests(16)
    #expect(fixture.interrupt.signals == 2)
  }

  @Test func eventIndexWrapsAround() throws {
    let fixture = Fixture()
    defer { fixture.close() }
    var expected = 0
    for round in 0..<70_000 {
      fixture.ring.offer([(0x8000, 8, true)])
      fixture.queue.complete(try #require(fixture.queue.next()), written: 0)
      // The driver asks for each seventh.
      let isWanted = round % 7 == 6
      fixture.ring.setUsedEvent(UInt16(truncatingIfNeeded: round) &+ (isWanted ? 0 : 1))
      fixture.queue.notify()
      if isWanted { expected += 1 }
      #expect(fixture.interrupt.signals == expected)
      if fixture.interrupt.signals != expected { return }
    }
  }

  @Test func kicksAreAskedForByFlag() throws {
    let fixture = Fixture(Feature.version1)
    defer { fixture.close() }
    fixture.queue.disableNotifications()
    #expect(fixture.ring.usedFlags == UInt16(VRING_USED_F_NO_NOTIFY))
    #expect(!fixture.queue.enableNotifications())
    #expect(fixture.ring.usedFlags == 0)
    fixture.ring.offer([(0x8000, 8, true)])
    #expect(fixture.queue.enableNotifications())
  }

  @Test func kicksAreAskedForByEventIndex() throws {
    let fixture = Fixture()
    defer { fixture.close() }
    for _ in 0..<3 { fixture.ring.offer([(0x8000, 8, true)]) }
    for _ in 0..<3 { #expect(fixture.queue.next() != nil) }
    #expect(fixture.ring.availableEvent == 0)
    #expect(!fixture.queue.enableNotifications())
    #expect(fixture.ring.availableEvent == 3 && fixture.ring.usedFlags == 0)
  }

  @Test func drainLeavesTheThreadAfterOneRing() throws {
    let fixture = Fixture()
    defer { fixture.close() }
    // A driver that offers as fast as the device takes.
    var handled = 0
    fixture.ring.offer([(0x8000, 8, true)])
    fixture.queue.drain { _ in
      handled += 1
      fixture.ring.offer([(0x8000, 8, true)])
      return 0
    }
    #expect(handled == 16)
    #expect(cl_eventfd_take(fixture.kick) > 0)
  }

  @Test func resumesWhereAnotherQueueStopped() throws {
    let fixture = Fixture()
    defer { fixture.close() }
    for _ in 0..<5 { fixture.ring.offer([(0x8000, 8, true)]) }
    for _ in 0..<3 { fixture.queue.complete(try #require(fixture.queue.next()), written: 0) }
    #expect(fixture.queue.position == 3)
    let later = try #require(
      Virtqueue(
        memory: fixture.ring.memory, layout: fixture.ring.layout, features: Feature.ring,
        kick: fixture.kick, interrupt: fixture.interrupt, resumingAt: fixture.queue.position))
    for _ in 0..<2 { later.complete(try #require(later.next()), written: 1) }
    #expect(later.next() == nil)
    for length in [0, 0, 0, 1, 1] as [UInt32] { #expect(fixture.ring.take()?.length == length) }
  }
}

// MARK: Drivers that lie

@Suite struct BrokenRingTests {
  /// What a ring's contents do to a queue; the fault is told once and the queue stays dead.
  private func fault(
    _ features: UInt64 = Feature.ring, size: UInt16 = 16, _ break: (FakeRing) -> Void
  ) -> RingFault? {
    let fixture = Fixture(features, size: size)
    defer { fixture.close() }
    `break`(fixture.ring)
    #expect(fixture.queue.next() == nil)
    #expect(fixture.queue.next() == nil && !fixture.queue.hasNext)
    #expect(!fixture.queue.enableNotifications())
    #expect(fixture.interrupt.faults.count == (fixture.queue.isBroken ? 1 : 0))
    #expect(fixture.queue.lent == 0)
    return fixture.queue.fault
  }

  @Test func availableIndexAhead() {
    #expect(fault { $0.setAvailable(17) } == .availableIndex)
    #expect(fault { $0.setAvailable(0xffff) } == .availableIndex)
  }

  @Test func descriptorNumbers() {
    #expect(fault { $0.offer(head: 16) } == .descriptorIndex)
    #expect(fault { $0.offer(head: 0xffff) } == .descriptorIndex)
    #expect(
      fault {
        $0.describe(0, 0x8000, 4, FakeRing.next, next: 16)
        $0.offer(head: 0)
      } == .descriptorIndex)
  }

  @Test func loops() {
    #expect(
      fault {
        $0.describe(0, 0x8000, 4, FakeRing.next, next: 0)
        $0.offer(head: 0)
      } == .chainLength)
    #expect(
      fault {
        $0.describe(0, 0x8000, 0, FakeRing.next, next: 1)
        $0.describe(1, 0x8000, 0, FakeRing.next, next: 0)
        $0.offer(head: 1)
      } == .chainLength)
    #expect(
      fault {
        $0.describe(0, 0x10000, 32, FakeRing.indirect)
        $0.describe(0, 0x8000, 4, FakeRing.next, next: 1, table: 0x10000)
        $0.describe(1, 0x8000, 4, FakeRing.next, next: 0, table: 0x10000)
        $0.offer(head: 0)
      } == .chainLength)
  }

  @Test(
    arguments: [
      (0x3f_ffff, 2), (0x40_0000, 1), (0xffff_ffff_ffff_ffff, 1), (0xffff_ffff_ffff_fff0, 32),
      (0, 0xffff_ffff), (0xffff_ffff_0000_0000, 0xffff_ffff),
    ] as [(UInt64, UInt32)])
  func buffersOutsideOfMemory(address: UInt64, length: UInt32) {
    #expect(fault { $0.offer([(address, length, false)]) } == .bufferRange)
  }

  @Test func fourGibibytesAtMost() {
    // The same 4 MiB over and over: within memory, but more than a length can say.
    let length: UInt32 = 4 << 20
    #expect(
      fault(size: 2048) { $0.offer((0..<1025).map { _ in (0, length, false) }) } == .totalLength)
  }

  @Test func readableBehindWritable() {
    #expect(
      fault { $0.offer([(0x8000, 4, false), (0x8000, 4, true), (0x8000, 4, false)]) }
        == .bufferOrder)
    // Where the writable one is empty, too.
    #expect(fault { $0.offer([(0x8000, 0, true), (0x8000, 4, false)]) } == .bufferOrder)
  }

  @Test func indirectWhereItMayNotBe() {
    let nested: (FakeRing) -> Void = {
      $0.describe(0, 0x10000, 16, FakeRing.indirect)
      $0.describe(0, 0x10000, 16, FakeRing.indirect, table: 0x10000)
      $0.offer(head: 0)
    }
    #expect(fault(Feature.ring, nested) == .indirectNotAllowed)
    let withNext: (FakeRing) -> Void = {
      $0.describe(0, 0x10000, 16, FakeRing.indirect | FakeRing.next, next: 1)
      $0.offer(head: 0)
    }
    #expect(fault(Feature.ring, withNext) == .indirectNotAllowed)
    let plain: (FakeRing) -> Void = {
      $0.describe(0, 0x10000, 16, FakeRing.indirect)
      $0.describe(0, 0x8000, 4, table: 0x10000)
      $0.offer(head: 0)
    }
    #expect(fault(Feature.version1, plain) == .indirectNotAllowed)
  }

  @Test(
    arguments: [
      (0x10000, 0), (0x10000, 15), (0x10000, 24), (0x10000, 17 * 16), (0x10000, 0xffff_fff0),
      (0x3f_fff8, 16), (0xffff_ffff_ffff_fff8, 16),
    ] as [(UInt64, UInt32)])
  func indirectTables(address: UInt64, length: UInt32) {
    #expect(
      fault {
        $0.describe(0, address, length, FakeRing.indirect)
        $0.offer(head: 0)
      } == .indirectTable)
  }

  @Test func indexBehindTheIndirectTable() {
    #expect(
      fault {
        $0.describe(0, 0x10000, 32, FakeRing.indirect)
        $0.describe(0, 0x8000, 4, FakeRing.next, next: 2, table: 0x10000)
        $0.offer(head: 0)
      } == .descriptorIndex)
  }

  @Test func oneHeadOfferedAgainAndAgain() throws {
    let fixture = Fixture()
    defer { fixture.close() }
    for _ in 0..<16 {
      fixture.ring.offer([(0x8000, 8, true)])
      #expect(fixture.queue.next() != nil)
    }
    fixture.ring.offer([(0x8000, 8, true)])
    #expect(fixture.queue.next() == nil && fixture.queue.fault == .tooManyLent)
  }

  @Test func brokenQueueCompletesNothing() throws {
    let fixture = Fixture()
    defer { fixture.close() }
    fixture.ring.offer([(0x8000, 8, true)])
    let chain = try #require(fixture.queue.next())
    fixture.ring.setAvailable(1000)
    #expect(fixture.queue.next() == nil && fixture.queue.isBroken)
    fixture.queue.complete(chain, written: 8)
    fixture.queue.notify()
    #expect(fixture.ring.take() == nil && fixture.interrupt.signals == 0)
  }

  @Test(
    arguments: [
      (16, 0x1008, 0x2000, 0x3000), (16, 0x1000, 0x2001, 0x3000), (16, 0x1000, 0x2000, 0x3002),
      (0, 0x1000, 0x2000, 0x3000), (12, 0x1000, 0x2000, 0x3000), (0x8001, 0x1000, 0x2000, 0x3000),
      (16, 0x3f_fff0, 0x2000, 0x3000), (16, 0x1000, 0x3f_fffc, 0x3000),
      (16, 0x1000, 0x2000, 0x3f_fffc), (16, 0xffff_ffff_ffff_fff0, 0x2000, 0x3000),
      (32768, 0x38_0010, 0x2000, 0x3000),
    ] as [(UInt16, UInt64, UInt64, UInt64)])
  func ringsOutsideOfMemory(size: UInt16, descriptors: UInt64, available: UInt64, used: UInt64) {
    let queue = Virtqueue(
      memory: guestMemory(),
      layout: RingLayout(
        size: size, descriptors: descriptors, available: available, used: used),
      features: Feature.ring, kick: -1, interrupt: CountingInterrupt())
    #expect(queue == nil)
  }
}
