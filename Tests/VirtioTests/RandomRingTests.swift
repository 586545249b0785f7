import CLinux
import GuestMemory
import Linux
import SeededRandom
import Testing

@testable import Virtio

/// Drives a device as no correct driver does, while the device's threads look at the same memory.
private struct WildDriver {
  let driver: FakeDriver
  var random: SeededRandom
  /// Whether the device failed, as far as is known.
  var restarts = 0

  init(_ device: any VirtioDevice, memory: GuestMemory, _ name: String) throws {
    driver = try FakeDriver(device, memory: memory)
    random = SeededRandom(name)
    driver.start()
  }

  mutating func run(_ operations: Int) {
    for operation in 0..<operations * SeededRandom.scale {
      step()
      // A device that needs a reset would do nothing any more.
      if operation % 32 == 0, driver.transport.failure != nil { restart() }
    }
  }

  private mutating func restart() {
    restarts += 1
    let optional: UInt64 = Feature.indirectDescriptors | Feature.eventIndex | 1 << 5
    driver.start((driver.offered & ~(optional & random.next())), size: 1 << random.below(7))
  }

  private mutating func address() -> UInt64 {
    switch random.below(16) {
    case 0: 0xffff_ffff_ffff_f000 | random.below(0x1000)
    case 1: random.next()
    case 2: (4 << 20) - random.below(0x1000)
    case 3: random.below(0x8000)
    default: 0x10_0000 + random.below(0x10_0000)
    }
  }

  private mutating func length() -> UInt32 {
    switch random.below(16) {
    case 0: UInt32(truncatingIfNeeded: random.next())
    case 1: 0
    case 2: UInt32(random.below(4 << 20))
    case 3: UInt32(random.below(64)) * 16
    default: UInt32(random.below(512))
    }
  }

  private mutating func flags() -> UInt16 {
    if random.once(in: 64) { return UInt16(truncatingIfNeeded: random.next()) }
    return UInt16(random.below(4)) | (random.once(in: 8) ? FakeRing.indirect : 0)
  }

  private mutating func step() {
    let queue = Int(random.below(UInt64(driver.rings.count)))
    let ring = driver.rings[queue]
    let size = UInt64(ring.layout.size)
    switch random.below(24) {
    case 0..<8:
      let next = random.once(in: 32) ? random.below(0x10000) : random.below(size)
      ring.describe(
        UInt16(random.below(size)), address(), length(), flags(), next: UInt16(next),
        // Tables lie where buffers do.
        table: random.once(in: 3) ? 0x10_0000 + random.below(0x10_0000 - 0x10000) : nil)
    case 8..<12:
      let head = random.once(in: 128) ? random.below(0x10000) : random.below(size)
      ring.offer(head: UInt16(head))
    case 12..<17: driver.kick(queue)
    case 17:
      if random.once(in: 16) { ring.setAvailable(UInt16(truncatingIfNeeded: random.next())) }
      ring.setUsedEvent(UInt16(truncatingIfNeeded: random.next()))
    case 18: ring.setAvailableFlags(UInt16(random.below(3)))
    case 19:
      driver.memory.slice(at: random.below(driver.free), count: 1)![0] ^= 1 << random.below(8)
    case 20: _ = driver.read(random.below(0x200) & ~(random.once(in: 8) ? 0 : 3), 4)
    case 21: _ = driver.read(0x100 + random.below(0x80), 1 << Int(random.below(4)))
    case 22:
      driver.write(
        0x100 + random.below(0x80), Array(repeating: 3, count: 1 << Int(random.below(4))))
    default: register()
    }
  }

  /// A write to any register; one to the status seldom, for it is mostly the end.
  private mutating func register() {
    let offset = random.below(UInt64(0x40)) * 4
    if offset == UInt64(VIRTIO_MMIO_STATUS), !random.once(in: 16) { return }
    let value: UInt64 = random.once(in: 2) ? random.below(16) : random.next()
    driver.write(offset, (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) })
    if offset == UInt64(VIRTIO_MMIO_STATUS), !driver.transport.isActive { restart() }
  }
}

@Suite struct RandomRingTests {
  /// After everything the device still works for a driver that does things right.
  private func check(
    _ wild: WildDriver, queue: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let driver = wild.driver
    driver.start()
    driver.rings[queue].offer([(0x20_0000, 64, queue > 0), (0x20_1000, 64, true)])
    driver.kick(queue)
    #expect(
      driver.completed(queue) != nil, "seed \(wild.random.seed)", sourceLocation: sourceLocation)
    #expect(wild.restarts > 0, "no ring was ever broken", sourceLocation: sourceLocation)
    driver.close()
  }

  @Test func entropy() throws {
    // A clock that runs: the rate limit comes and goes.
    let clock = Monitor<Int64>(0)
    let device = try RandomDevice(now: {
      clock.withLock {
        $0 += 1_000_000
        return $0
      }
    })
    var wild = try WildDriver(device, memory: guestMemory(), "entropy")
    wild.run(200_000)
    check(wild, queue: 0)
  }

  @Test func console() throws {
    let device = ConsoleDevice { _ in }
    var wild = try WildDriver(device, memory: guestMemory(), "console")
    for _ in 0..<20 {
      _ = device.type([UInt8](repeating: 1, count: 300))
      wild.run(10_000)
    }
    check(wild, queue: 1)
  }

  @Test(arguments: [false, true])
  func balloon(shared: Bool) throws {
    let memory = try GuestMemory.allocate(size: 4 << 20, shared: shared)
    let device = BalloonDevice(memory: memory)
    var wild = try WildDriver(device, memory: memory, "balloon")
    for target in 0..<20 as Range<UInt32> {
      device.setTarget(pages: target)
      wild.run(10_000)
    }
    check(wild, queue: 2)
  }

  @Test func fileSystem() throws {
    /// Reads and writes what it is lent, and lies about how much.
    final class Handler: FilesystemHandler {
      let calls = Monitor(0)
      func prepareThread() {}
      var canGoOn: Bool { calls.withLock { $0 % 3 == 0 } }
      func handle(request: Segments, reply: Segments, waiting: inout RequestWaiting) -> Int? {
        let call = calls.withLock { calls in
          calls += 1
          return calls
        }
        if waiting.isAllowed, call % 5 == 0 { return nil }
        var sum = 0
        for segment in request { sum += segment.prefix(4096).reduce(0) { $0 + Int($1) } }
        for segment in reply {
          segment.prefix(4096).copyBytes(from: [1, 2, 3, 4].prefix(segment.count))
        }
        return sum % 3 == 0 ? Int.max : sum
      }
    }
    let device = try FilesystemDevice(
      tag: "x", threads: 3, waitLimit: 1, handler: Handler())
    var wild = try WildDriver(device, memory: guestMemory(), "file system")
    wild.run(400_000)
    check(wild, queue: 1)
    device.stop()
  }
}

extension UnsafeMutableRawBufferPointer.SubSequence {
  /// Copies to the front of the slice.
  fileprivate func copyBytes(from bytes: ArraySlice<UInt8>) {
    UnsafeMutableRawBufferPointer(rebasing: self).copyBytes(from: bytes)
  }
}

/// Rings with random contents, against a walk that is as plain as the specification.
@Suite struct RingModelTests {
  private enum Outcome: Equatable {
    case fault
    case chain(readable: [Range<UInt64>], writable: [Range<UInt64>])
  }

  private static let size: UInt16 = 8
  private static let memorySize: UInt64 = 2 << 20

  /// What the chain at `head` is.
  private func expected(_ ring: FakeRing, head: UInt16) -> Outcome {
    struct Descriptor {
      var address: UInt64
      var length: UInt64
      var flags: UInt16
      var next: Int
    }
    func descriptor(_ table: UInt64, _ index: Int) -> Descriptor {
      let at = ring.pointer(table + 16 * UInt64(index))
      return Descriptor(
        address: at.loadUnaligned(as: UInt64.self),
        length: UInt64((at + 8).loadUnaligned(as: UInt32.self)),
        flags: (at + 12).loadUnaligned(as: UInt16.self),
        next: Int((at + 14).loadUnaligned(as: UInt16.self)))
    }
    func isInMemory(_ descriptor: Descriptor) -> Bool {
      descriptor.address < Self.memorySize
        && descriptor.length <= Self.memorySize - descriptor.address
    }
    var list: [Descriptor] = []
    var table = ring.layout.descriptors
    var count = Int(Self.size)
    var index = Int(head)
    var isIndirect = false
    while true {
      guard index < count, list.count <= Int(Self.size) else { return .fault }
      let next = descriptor(table, index)
      if next.flags & FakeRing.indirect != 0 {
        guard !isIndirect, next.flags & FakeRing.next == 0, next.length % 16 == 0,
          next.length > 0, next.length <= 16 * UInt64(Self.size), isInMemory(next)
        else { return .fault }
        isIndirect = true
        table = next.address
        count = Int(next.length / 16)
        index = 0
        continue
      }
      list.append(next)
      if next.flags & FakeRing.next == 0 { break }
      index = next.next
    }
    let firstWritable = list.firstIndex { $0.flags & FakeRing.write != 0 } ?? list.count
    guard list.count <= Int(Self.size),
      list[firstWritable...].allSatisfy({ $0.flags & FakeRing.write != 0 }),
      list.allSatisfy({ $0.length == 0 || isInMemory($0) })
    else { return .fault }
    func ranges(_ part: ArraySlice<Descriptor>) -> [Range<UInt64>] {
      part.filter { $0.length > 0 }.map { $0.address..<$0.address + $0.length }
    }
    return .chain(
      readable: ranges(list[..<firstWritable]), writable: ranges(list[firstWritable...]))
  }

  @Test func chainsAreWhatTheSpecificationSays() throws {
    var random = SeededRandom("ring model")
    let memory = guestMemory(megabytes: 2)
    let base = memory.regions[0].base
    var faults = 0
    var chains = 0
    for _ in 0..<25_000 * SeededRandom.scale {
      let ring = FakeRing(memory, size: Self.size)
      ring.setAvailable(0)
      let table: UInt64 = 0x8000 + random.below(64)
      for index in 0..<Self.size {
        for target in [nil, table] {
          let isTable = target == nil && random.once(in: 10)
          // Mostly chains to the next descriptor, so that many are in order.
          let isLast = random.once(in: 3)
          var flags: UInt16 = isLast || isTable ? 0 : FakeRing.next
          if random.below(UInt64(Self.size)) < UInt64(index) { flags |= FakeRing.write }
          if isTable || random.once(in: 100) { flags |= FakeRing.indirect }
          let length: UInt64 = isTable ? 16 * random.below(10) : random.below(100)
          ring.describe(
            index,
            isTable ? table : (random.once(in: 50) ? random.next() : random.below(1 << 20)),
            UInt32(random.once(in: 100) ? random.below(1 << 32) : length), flags,
            next: random.once(in: 20) ? UInt16(random.below(12)) : (index + 1) % Self.size,
            table: target)
        }
      }
      let queue = try #require(
        Virtqueue(
          memory: memory, layout: ring.layout, features: Feature.ring, kick: -1,
          interrupt: CountingInterrupt()))
      let head = UInt16(random.once(in: 50) ? random.below(20) : random.below(8))
      ring.offer(head: head)
      let found: Outcome
      if let chain = queue.next() {
        func ranges(_ segments: Segments) -> [Range<UInt64>] {
          segments.map {
            let start = UInt64($0.baseAddress! - UnsafeMutableRawPointer(base))
            return start..<start + UInt64($0.count)
          }
        }
        found = .chain(readable: ranges(chain.readable), writable: ranges(chain.writable))
        chains += 1
      } else {
        #expect(queue.isBroken)
        found = .fault
        faults += 1
      }
      let wanted = expected(ring, head: head)
      #expect(found == wanted, "seed \(random.seed)")
      if found != wanted { return }
    }
    // Both happen often enough to mean something.
    #expect(chains > 1000 && faults > 1000)
  }
}
