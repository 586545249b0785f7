import CLinux
import GuestMemory
import Linux
import Testing

@testable import Virtio

@Suite struct RandomDeviceTests {
  @Test func fillsBuffers() throws {
    let driver = try FakeDriver(try RandomDevice())
    defer { driver.close() }
    driver.start()
    #expect(driver.read(VIRTIO_MMIO_DEVICE_ID) == 4)
    let ring = driver.rings[0]
    ring.offer([(0x8000, 64, true), (0x9000, 192, true)])
    driver.kick(0)
    #expect(try #require(driver.completed(0)).length == 256)
    // 256 bytes of which half are zero by chance: never.
    #expect((ring.bytes(0x8000, 64) + ring.bytes(0x9000, 192)).count { $0 == 0 } < 128)
    #expect(ring.bytes(0x8040, 16) == [UInt8](repeating: 0, count: 16))
    // Not more than a page at once; nothing for a buffer that can't be written.
    ring.offer([(0x10000, 0x10000, true)])
    driver.kick(0)
    #expect(try #require(driver.completed(0)).length == 4096)
    ring.offer([(0x8000, 64, false)])
    driver.kick(0)
    #expect(try #require(driver.completed(0)).length == 0)
  }

  @Test func rateIsLimited() throws {
    let clock = Monitor<Int64>(1)
    let device = try RandomDevice(now: { clock.withLock { $0 } })
    let driver = try FakeDriver(device)
    defer { driver.close() }
    driver.start(size: 64)
    let ring = driver.rings[0]
    var filled = 0
    for _ in 0..<RandomDevice.rate / 4096 {
      ring.offer([(0x10000, 4096, true)])
      driver.kick(0)
      filled += Int(try #require(driver.completed(0)).length)
    }
    #expect(filled == RandomDevice.rate)
    ring.offer([(0x10000, 4096, true)])
    driver.loop.perform { device.process(queue: 0) }
    #expect(ring.take() == nil)
    // A second later there is as much again; the device's timer comes or the kick does.
    clock.withLock { $0 += 1_000_000_000 }
    driver.kick(0)
    #expect(try #require(driver.completed(0)).length == 4096)
  }

  @Test func theTimerGoesOnByItself() throws {
    let driver = try FakeDriver(try RandomDevice())
    defer { driver.close() }
    driver.start(size: 64)
    // Five times what the bucket holds would take four seconds; a little more than it holds, none.
    for _ in 0..<RandomDevice.rate / 4096 + 8 {
      driver.rings[0].offer([(0x10000, 4096, true)])
      driver.kick(0)
      #expect(try #require(driver.completed(0)).length > 0)
    }
  }
}

@Suite struct TokenBucketTests {
  @Test func fillsAtItsRate() {
    var bucket = TokenBucket(rate: 1000, capacity: 500, now: 0)
    #expect(bucket.available(now: 0) == 500)
    bucket.take(500)
    #expect(bucket.available(now: 0) == 0 && bucket.wait(for: 100) == 100_001_000)
    #expect(bucket.available(now: 100_000_000) == 100)
    #expect(bucket.available(now: Int64.max) == 500)
    // A clock that goes back gives nothing, and takes nothing.
    #expect(bucket.available(now: Int64.min) == 500)
  }
}

@Suite struct ConsoleDeviceTests {
  @Test func outputInOrder() throws {
    let seen = Locked<[UInt8]>([])
    let device = ConsoleDevice { bytes in seen.withLock { $0 += Array(bytes) } }
    let driver = try FakeDriver(device)
    defer { driver.close() }
    driver.start()
    let ring = driver.rings[1]
    let text = Array("Linux version 6.1\n".utf8) + [UInt8](repeating: 0x2e, count: 10_000)
    ring.fill(0x8000, Array(text[..<10]))
    ring.fill(0x10000, Array(text[10...]))
    ring.offer([(0x8000, 10, false), (0x10000, UInt32(text.count - 10), false)])
    driver.kick(1)
    #expect(driver.completed(1)?.length == 0)
    #expect(seen.withLock { $0 } == text)
  }

  @Test func outputIsBounded() throws {
    let clock = Monitor<Int64>(1)
    let seen = Locked(0)
    let last = Locked("")
    let device = ConsoleDevice(now: { clock.withLock { $0 } }) { bytes in
      seen.withLock { $0 += bytes.count }
      last.withLock { $0 = String(decoding: bytes, as: UTF8.self) }
    }
    let driver = try FakeDriver(device)
    defer { driver.close() }
    driver.start()
    let ring = driver.rings[1]
    // Sixteen of these are a second's worth.
    for _ in 0..<20 {
      ring.offer([(0x10_0000, 64 << 10, false)])
      driver.kick(1)
      #expect(driver.completed(1) != nil)
    }
    #expect(seen.withLock { $0 } == ConsoleDevice.rate)
    clock.withLock { $0 += 1_000_000_000 }
    ring.fill(0x8000, Array("x".utf8))
    ring.offer([(0x8000, 1, false)])
    driver.kick(1)
    #expect(driver.completed(1) != nil)
    let note = "\n[\(4 * (64 << 10)) bytes of the guest's console were left out]\n"
    #expect(seen.withLock { $0 } == ConsoleDevice.rate + note.utf8.count + 1)
    #expect(last.withLock { $0 } == "x")
  }

  @Test func oneRequestIsBounded() throws {
    let seen = Locked(0)
    let driver = try FakeDriver(ConsoleDevice { bytes in seen.withLock { $0 += bytes.count } })
    defer { driver.close() }
    driver.start()
    driver.rings[1].offer((0..<16).map { _ in (0x10_0000, 1 << 20, false) })
    driver.kick(1)
    #expect(driver.completed(1) != nil && seen.withLock { $0 } == ConsoleDevice.requestLimit)
  }

  @Test func inputWaitsForBuffers() throws {
    let device = ConsoleDevice { _ in }
    #expect(device.type([1]) == 0)
    let driver = try FakeDriver(device)
    defer { driver.close() }
    driver.start()
    #expect(device.type([UInt8](repeating: 1, count: 100_000)) == ConsoleDevice.inputLimit)
    #expect(device.type([1]) == 0)
    var got = 0
    while got < ConsoleDevice.inputLimit {
      driver.rings[0].offer([(0x8000, 5000, true)])
      driver.kick(0)
      got += Int(try #require(driver.completed(0)).length)
    }
    #expect(got == ConsoleDevice.inputLimit)
    driver.rings[0].offer([(0x8000, 5000, true)])
    driver.kick(0)
    #expect(device.type([9, 8]) == 2)
    #expect(driver.completed(0)?.length == 2 && driver.rings[0].bytes(0x8000, 2) == [9, 8])
  }
}

@Suite struct BalloonDeviceTests {
  private func dirty(_ memory: GuestMemory, _ range: Range<UInt64>) {
    memory.slice(at: range.lowerBound, count: range.upperBound - range.lowerBound)!
      .initializeMemory(as: UInt8.self, repeating: 7)
  }
  private func isZero(_ memory: GuestMemory, _ page: UInt64) -> Bool {
    memory.read(at: page << 12, count: 4096)!.allSatisfy { $0 == 0 }
  }

  @Test(arguments: [false, true])
  func inflatedPagesAreGone(shared: Bool) throws {
    let memory = try GuestMemory.allocate(size: 4 << 20, shared: shared)
    let driver = try FakeDriver(BalloonDevice(memory: memory), memory: memory)
    defer { driver.close() }
    driver.start()
    dirty(memory, 0x10_0000..<0x20_0000)
    let pages: [UInt32] = [0x101, 0x102, 0x103, 0x110, 0x10f, 0x400, 0xffff_ffff, 0xffff_fffe]
    driver.rings[0].fill(0x8000, pages.flatMap { ConfigurationSpace.bytes($0) })
    driver.rings[0].offer([(0x8000, UInt32(pages.count * 4), false)])
    driver.kick(0)
    #expect(driver.completed(0)?.length == 0)
    for page in [0x101, 0x102, 0x103, 0x110, 0x10f] as [UInt64] { #expect(isZero(memory, page)) }
    for page in [0x100, 0x104, 0x111, 0x10e] as [UInt64] { #expect(!isZero(memory, page)) }
    driver.rings[1].offer([(0x8000, 4, false)])
    driver.kick(1)
    #expect(driver.completed(1)?.length == 0)
  }

  @Test(arguments: [false, true], [2, 3, 4])
  func reportedPagesAreGone(shared: Bool, queue: Int) throws {
    let memory = try GuestMemory.allocate(size: 8 << 20, shared: shared)
    let driver = try FakeDriver(BalloonDevice(memory: memory), memory: memory)
    defer { driver.close() }
    driver.start()
    dirty(memory, 0x20_0000..<0x60_0000)
    driver.rings[queue].offer([(0x20_0000, 0x1000, true), (0x40_0000, 0x10_0000, true)])
    driver.kick(queue)
    #expect(driver.completed(queue)?.length == 0)
    #expect(isZero(memory, 0x200) && !isZero(memory, 0x201))
    #expect(isZero(memory, 0x400) && isZero(memory, 0x4ff) && !isZero(memory, 0x500))
  }

  @Test func reportsThatWereNotAgreedOn() throws {
    let memory = guestMemory()
    let driver = try FakeDriver(BalloonDevice(memory: memory), memory: memory)
    defer { driver.close() }
    driver.start(Feature.version1)
    dirty(memory, 0x10_0000..<0x10_2000)
    driver.rings[2].offer([(0x10_0000, 0x1000, true)])
    driver.kick(2)
    #expect(driver.completed(2) != nil && !isZero(memory, 0x100))
  }

  @Test func target() throws {
    let memory = guestMemory()
    let device = BalloonDevice(memory: memory)
    let driver = try FakeDriver(device, memory: memory)
    defer { driver.close() }
    device.setTarget(pages: 0x1234)
    driver.start()
    #expect(driver.read(0x100, 8) == [0x34, 0x12, 0, 0, 0, 0, 0, 0])
    device.setTarget(pages: 5)
    #expect(driver.waitForInterrupt() && driver.read(0x100, 4) == [5, 0, 0, 0])
    driver.write(0x104, [3, 0, 0, 0])
    #expect(device.actualPages == 3)
    // Only `actual` is the driver's.
    driver.write(0x100, [9, 0, 0, 0])
    driver.write(0x104, [9])
    driver.write(UInt64.max - 3, [9, 9, 9, 9])
    #expect(driver.read(0x100, 8) == [5, 0, 0, 0, 3, 0, 0, 0])
  }
}
