import CLinux
import GuestMemory
import Linux
import Testing

@testable import Virtio

@Suite struct MMIOTransportTests {
  @Test func identity() throws {
    let driver = try FakeDriver(RecordingDevice())
    defer { driver.close() }
    #expect(driver.read(VIRTIO_MMIO_MAGIC_VALUE) == 0x7472_6976)
    #expect(driver.read(VIRTIO_MMIO_VERSION) == 2)
    #expect(driver.read(VIRTIO_MMIO_DEVICE_ID) == 42)
    #expect(driver.offered == 1 << 3 | 1 << 40 | Feature.ring)
    driver.write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2)
    #expect(driver.read(VIRTIO_MMIO_DEVICE_FEATURES) == 0)
    driver.write(VIRTIO_MMIO_SHM_SEL, 0)
    for register in [VIRTIO_MMIO_SHM_LEN_LOW, VIRTIO_MMIO_SHM_LEN_HIGH] {
      #expect(driver.read(register) == UInt32.max)
    }
  }

  /// A window without a device, until it shows the one that it has; no reset takes that back.
  @Test func aHiddenDeviceShowsItselfLater() throws {
    let driver = try FakeDriver(RecordingDevice(), isHidden: true)
    defer { driver.close() }
    #expect(driver.read(VIRTIO_MMIO_MAGIC_VALUE) == 0x7472_6976)
    #expect(driver.read(VIRTIO_MMIO_VERSION) == 2)
    driver.write(VIRTIO_MMIO_STATUS, 0)
    #expect(driver.read(VIRTIO_MMIO_DEVICE_ID) == 0)
    driver.transport.reveal()
    #expect(driver.read(VIRTIO_MMIO_DEVICE_ID) == 42)
    driver.write(VIRTIO_MMIO_STATUS, 0)
    #expect(driver.read(VIRTIO_MMIO_DEVICE_ID) == 42)
    #expect(driver.offered == 1 << 3 | 1 << 40 | Feature.ring)
  }

  @Test func sharedMemoryIsFoundByItsNumber() throws {
    let device = RecordingDevice()
    device.sharedMemory = SharedMemory(id: 0, guestAddress: 0x12_3456_7000, size: 0x7_89ab_c000)
    let driver = try FakeDriver(device)
    defer { driver.close() }
    func region(_ id: UInt32) -> [UInt32] {
      driver.write(VIRTIO_MMIO_SHM_SEL, id)
      return [
        VIRTIO_MMIO_SHM_BASE_LOW, VIRTIO_MMIO_SHM_BASE_HIGH, VIRTIO_MMIO_SHM_LEN_LOW,
        VIRTIO_MMIO_SHM_LEN_HIGH,
      ].map { driver.read($0) }
    }
    #expect(region(0) == [0x3456_7000, 0x12, 0x89ab_c000, 0x7])
    for id: UInt32 in [1, 256, .max] {
      #expect(region(id) == [UInt32](repeating: .max, count: 4))
    }
    #expect(region(0)[1] == 0x12)
    driver.write(VIRTIO_MMIO_SHM_BASE_LOW, 0)
    #expect(region(0)[0] == 0x3456_7000)
  }

  /// Rings are memory, buffers may be in the window of a device that has one; neither touches it.
  @Test func onlyBuffersAreInAWindow() throws {
    let plain = guestMemory()
    let reserved = cl_mmap(
      nil, 0x4000, PROT_NONE, CInt(CL_MAP_PRIVATE | CL_MAP_ANONYMOUS | CL_MAP_NORESERVE), -1, 0)
    let window = try #require(reserved)
    defer { _ = cl_munmap(window, 0x4000) }
    let start: UInt64 = 1 << 40
    let memory = GuestMemory(
      regions: plain.regions,
      window: GuestMemory.Region(guestAddress: start, size: 0x4000, base: window))
    #expect(memory.slice(at: start, count: 1) == nil && memory.read(at: start, count: 1) == nil)
    #expect(memory.segment(at: start + 0x3fff, count: 1) != nil)
    for (address, count): (UInt64, UInt64) in [
      (start, 0x4001), (start + 0x4000, 0), (start - 1, 2), (start + 1, .max), (.max, 1),
    ] {
      #expect(memory.segment(at: address, count: count) == nil)
    }
    for isShared in [false, true] {
      for (descriptors, buffer) in [(UInt64(0x1000), start), (start, 0x1000)] {
        let interrupt = QuietInterrupt()
        let queue = Virtqueue(
          memory: memory,
          layout: RingLayout(size: 4, descriptors: descriptors, available: 0x2000, used: 0x3000),
          features: Feature.ring, kick: -1, interrupt: interrupt, reachesWindow: isShared)
        guard descriptors == 0x1000 else {
          #expect(queue == nil)
          continue
        }
        let ring = try #require(queue)
        #expect(
          memory.write(
            withUnsafeBytes(of: (buffer, UInt32(64), UInt16(2), UInt16(0))) { Array($0) },
            at: descriptors))
        #expect(memory.write([0, 0, 1, 0, 0, 0], at: 0x2000))
        let chain = ring.next()
        #expect((chain != nil) == isShared)
        #expect(chain == nil || chain?.writable.first?.baseAddress == window)
        #expect(interrupt.fault == (isShared ? nil : .bufferRange))
      }
    }
  }

  @Test func registersAreFourBytesWide() throws {
    let driver = try FakeDriver(RecordingDevice())
    defer { driver.close() }
    #expect(driver.read(0, 1) == [0])
    #expect(driver.read(0, 8) == [UInt8](repeating: 0, count: 8))
    #expect(driver.read(2, 4) == [0, 0, 0, 0])
    driver.write(UInt64(VIRTIO_MMIO_STATUS), [1])
    driver.write(UInt64(VIRTIO_MMIO_STATUS), [1, 0, 0, 0, 0, 0, 0, 0])
    #expect(driver.status == 0)
    #expect(driver.read(0xffc) == 0)
  }

  @Test func buffersGoThrough() throws {
    let device = RecordingDevice()
    let driver = try FakeDriver(device)
    defer { driver.close() }
    driver.start()
    #expect(driver.status == FakeDriver.ready && driver.transport.isActive)
    for queue in 0...1 {
      driver.rings[queue].offer([(0x8000, 4, true)])
      driver.kick(queue)
      let used = try #require(driver.completed(queue))
      #expect(used.head == 0 && used.length == 1)
      #expect(driver.rings[queue].bytes(0x8000, 2) == [7, 0])
    }
    #expect(device.activations == [driver.offered])
  }

  @Test func kicksByEventfd() throws {
    let driver = try FakeDriver(RecordingDevice())
    defer { driver.close() }
    driver.start()
    driver.rings[1].offer([(0x8000, 4, true)])
    _ = cl_eventfd_signal(driver.transport.kicks[1])
    #expect(driver.completed(1) != nil)
    // A queue that is not there.
    driver.kick(2)
    driver.kick(0x10000)
  }

  @Test func aBrokenRingNeedsAReset() throws {
    let driver = try FakeDriver(RecordingDevice())
    defer { driver.close() }
    driver.start()
    driver.rings[0].offer(head: 99)
    driver.kick(0)
    #expect(driver.waitForInterrupt())
    #expect(driver.status & UInt32(VIRTIO_CONFIG_S_NEEDS_RESET) != 0)
    #expect(driver.transport.failure == "virtqueue: a descriptor number is outside of its table")
    driver.start()
    driver.rings[0].offer([(0x8000, 4, true)])
    driver.kick(0)
    #expect(driver.completed(0) != nil && driver.status == FakeDriver.ready)
  }

  @Test func aDeviceThatRefuses() throws {
    let device = RecordingDevice()
    device.refuses = true
    let driver = try FakeDriver(device)
    defer { driver.close() }
    driver.start()
    #expect(driver.status & UInt32(VIRTIO_CONFIG_S_NEEDS_RESET) != 0)
    #expect(!driver.transport.isActive)
    #expect(driver.transport.failure?.hasPrefix("activate test") == true)
  }

  @Test func configurationSpace() throws {
    let device = RecordingDevice()
    let driver = try FakeDriver(device)
    defer { driver.close() }
    #expect(driver.read(0x100, 8) == Array(1...8))
    #expect(driver.read(0x10a, 4) == [11, 12, 0, 0])
    #expect(driver.read(UInt64.max, 2) == [0, 0])
    driver.write(0x100, [9])
    #expect(device.configuration[0] == 1)
    driver.start()
    driver.write(0x100, [9, 8])
    #expect(driver.read(0x100, 4) == [9, 8, 3, 4])
    let generation = driver.read(VIRTIO_MMIO_CONFIG_GENERATION)
    try #require(device.queues[0]).interrupt.signalConfiguration()
    #expect(driver.read(VIRTIO_MMIO_CONFIG_GENERATION) == generation + 1)
    #expect(driver.read(VIRTIO_MMIO_INTERRUPT_STATUS) == UInt32(VIRTIO_MMIO_INT_CONFIG))
    driver.write(VIRTIO_MMIO_INTERRUPT_ACK, UInt32(VIRTIO_MMIO_INT_CONFIG))
    #expect(driver.read(VIRTIO_MMIO_INTERRUPT_STATUS) == 0)
  }

  /// A machine may give the guest the page as memory: it has to show what a read would, at any time.
  @Test func whatIsReadStandsInThePage() throws {
    let page = UnsafeMutableRawPointer.allocate(
      byteCount: Int(MMIOTransport.windowSize), alignment: 8)
    defer { unsafe page.deallocate() }
    unsafe page.initializeMemory(
      as: UInt8.self, repeating: 0, count: Int(MMIOTransport.windowSize))
    let device = RecordingDevice()
    let driver = try unsafe FakeDriver(device, page: page)
    defer { driver.close() }
    func compare(_ step: String) {
      for offset in stride(from: 0, to: 0x100, by: 4) {
        let shown = unsafe page.load(fromByteOffset: offset, as: UInt32.self)
        #expect(shown == driver.read(CInt(offset)), "\(step), register \(offset)")
      }
      for offset in 0..<0x100 {
        let shown = unsafe page.load(fromByteOffset: 0x100 + offset, as: UInt8.self)
        #expect([shown] == driver.read(UInt64(0x100 + offset), 1), "\(step), byte \(offset)")
      }
    }
    func word(_ register: CInt) -> UInt32 {
      unsafe page.load(fromByteOffset: Int(register), as: UInt32.self)
    }
    compare("new")
    #expect(word(VIRTIO_MMIO_MAGIC_VALUE) == 0x7472_6976 && word(VIRTIO_MMIO_DEVICE_ID) != 0)
    for half: UInt32 in [0, 1, 2] {
      driver.write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, half)
      compare("features \(half)")
    }
    driver.start()
    compare("started")
    #expect(word(VIRTIO_MMIO_STATUS) == FakeDriver.ready)
    for queue: UInt32 in [0, 1, 9] {
      driver.write(VIRTIO_MMIO_QUEUE_SEL, queue)
      compare("queue \(queue)")
    }
    driver.write(0x100, [9, 8])
    compare("configured")
    try #require(device.queues[0]).interrupt.signalConfiguration()
    compare("reconfigured")
    #expect(driver.waitForInterrupt())
    driver.rings[0].offer([(0x8000, 4, true)])
    driver.kick(0)
    #expect(driver.isInterrupted())
    #expect(word(VIRTIO_MMIO_INTERRUPT_STATUS) & MMIOTransport.usualAcknowledgement != 0)
    compare("interrupted")
    driver.write(VIRTIO_MMIO_INTERRUPT_ACK, word(VIRTIO_MMIO_INTERRUPT_STATUS))
    #expect(word(VIRTIO_MMIO_INTERRUPT_STATUS) == 0)
    driver.rings[0].offer(head: 99)
    driver.kick(0)
    #expect(driver.waitForInterrupt())
    #expect(word(VIRTIO_MMIO_STATUS) & UInt32(VIRTIO_CONFIG_S_NEEDS_RESET) != 0)
    compare("broken")
    driver.write(VIRTIO_MMIO_STATUS, 0)
    #expect(word(VIRTIO_MMIO_STATUS) == 0 && word(VIRTIO_MMIO_INTERRUPT_STATUS) == 0)
    compare("reset")
  }
}
