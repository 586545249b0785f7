import CLinux
import GuestMemory
import Linux
import Testing

@testable import Virtio

/// A device that writes down what it is told, and answers each chain with one byte.
private final class RecordingDevice: VirtioDevice, @unchecked Sendable {
  let type: UInt32 = 42
  let features: UInt64 = 1 << 3 | 1 << 40
  let queueSizes: [UInt16] = [16, 8]
  var configuration: [UInt8] = Array(1...12)

  var sharedMemory: SharedMemory?

  private(set) var queues: [Virtqueue?] = []
  private(set) var activations: [UInt64] = []
  private(set) var resets = 0
  private(set) var processed: [Int] = []
  var refuses = false

  func readConfiguration(offset: UInt64, into bytes: UnsafeMutableRawBufferPointer) {
    ConfigurationSpace.read(configuration, offset: offset, into: bytes)
  }
  func writeConfiguration(offset: UInt64, _ bytes: UnsafeRawBufferPointer) {
    for (index, byte) in bytes.enumerated() { configuration[Int(offset) + index] = byte }
  }
  func activate(
    _ queues: [Virtqueue?], features: UInt64, _ loop: EventLoop
  ) throws(SystemError) {
    if refuses { throw SystemError(EIO, "activate", "test") }
    self.queues = queues
    activations.append(features)
  }
  func process(queue index: Int) {
    processed.append(index)
    queues[index]?.drain { chain in [UInt8(7)].withUnsafeBytes { chain.write($0) } }
  }
  func reset() {
    queues = []
    resets += 1
  }
}

/// Nobody's interrupt, which keeps the first fault.
private final class QuietInterrupt: Interrupt, @unchecked Sendable {
  private(set) var fault: RingFault?
  func signal() {}
  func signalConfiguration() {}
  func signalFault(_ fault: RingFault) { if self.fault == nil { self.fault = fault } }
}

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

  @Test func resetAndStartAgain() throws {
    let device = RecordingDevice()
    let driver = try FakeDriver(device)
    defer { driver.close() }
    for round in 1...3 {
      driver.start()
      driver.rings[0].offer([(0x8000, 4, true)])
      driver.kick(0)
      #expect(driver.completed(0) != nil)
      driver.write(VIRTIO_MMIO_STATUS, 0)
      #expect(driver.status == 0 && device.resets == round && !driver.transport.isActive)
      #expect(driver.read(VIRTIO_MMIO_INTERRUPT_STATUS) == 0)
      driver.write(VIRTIO_MMIO_QUEUE_SEL, 0)
      #expect(driver.read(VIRTIO_MMIO_QUEUE_READY) == 0)
      // Nobody looks at the ring now.
      driver.rings[0].offer([(0x8000, 4, true)])
      driver.kick(0)
      driver.loop.perform {}
      #expect(driver.rings[0].take() == nil)
    }
  }

  @Test func featuresMustBeOffered() throws {
    let driver = try FakeDriver(RecordingDevice())
    defer { driver.close() }
    #expect(!driver.negotiate(Feature.version1 | 1 << 5))
    #expect(!driver.negotiate(1 << 3))
    #expect(driver.negotiate(Feature.version1))
    // Features from 64 on.
    driver.negotiate(0)
    driver.write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1)
    driver.write(VIRTIO_MMIO_DRIVER_FEATURES, 1)
    driver.write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2)
    driver.write(VIRTIO_MMIO_DRIVER_FEATURES, 1)
    driver.write(VIRTIO_MMIO_STATUS, 11)
    #expect(driver.status == 3)
  }

  @Test func featuresAreFrozen() throws {
    let device = RecordingDevice()
    let driver = try FakeDriver(device)
    defer { driver.close() }
    driver.negotiate(Feature.version1)
    driver.write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0)
    driver.write(VIRTIO_MMIO_DRIVER_FEATURES, 1 << 3)
    driver.write(VIRTIO_MMIO_STATUS, FakeDriver.ready)
    #expect(device.activations == [Feature.version1])
  }

  @Test func stepsComeInOrder() throws {
    let device = RecordingDevice()
    let driver = try FakeDriver(device)
    defer { driver.close() }
    driver.write(VIRTIO_MMIO_STATUS, 2)
    #expect(driver.status == 0)
    driver.write(VIRTIO_MMIO_STATUS, 4)
    #expect(driver.status == 0)
    driver.write(VIRTIO_MMIO_STATUS, 1)
    driver.write(VIRTIO_MMIO_STATUS, 3)
    driver.write(VIRTIO_MMIO_STATUS, 7)
    #expect(driver.status == 3 && device.activations.isEmpty)
    // The device's own bit can't be set by the driver.
    driver.write(VIRTIO_MMIO_STATUS, 0x43)
    #expect(driver.status == 3)
    driver.write(VIRTIO_MMIO_STATUS, 0x83)
    #expect(driver.status == 0x83)
    driver.write(VIRTIO_MMIO_STATUS, 0x8f)
    #expect(driver.status == 0x83)
  }

  @Test func queuesAreFrozenAfterActivation() throws {
    let device = RecordingDevice()
    let driver = try FakeDriver(device)
    defer { driver.close() }
    driver.start()
    let before = try #require(device.queues[0])
    driver.setQueue(0, RingLayout(size: 8, descriptors: 0, available: 0, used: 0))
    driver.write(VIRTIO_MMIO_QUEUE_READY, 0)
    #expect(driver.read(VIRTIO_MMIO_QUEUE_READY) == 1)
    driver.write(VIRTIO_MMIO_STATUS, FakeDriver.ready)
    #expect(device.activations.count == 1 && device.queues[0] === before)
    driver.rings[0].offer([(0x8000, 4, true)])
    driver.kick(0)
    #expect(driver.completed(0) != nil)
  }

  @Test func queuesBeforeFeaturesAreRefused() throws {
    let driver = try FakeDriver(RecordingDevice())
    defer { driver.close() }
    driver.setQueue(0, FakeRing(driver.memory).layout)
    #expect(driver.read(VIRTIO_MMIO_QUEUE_READY) == 0)
    driver.negotiate()
    driver.setQueue(0, FakeRing(driver.memory).layout)
    #expect(driver.read(VIRTIO_MMIO_QUEUE_READY) == 1)
    // A ready queue stays where it is.
    driver.write(VIRTIO_MMIO_QUEUE_NUM, 8)
    driver.write(VIRTIO_MMIO_QUEUE_SEL, 2)
    #expect(driver.read(VIRTIO_MMIO_QUEUE_NUM_MAX) == 0)
    driver.write(VIRTIO_MMIO_QUEUE_READY, 1)
    #expect(driver.read(VIRTIO_MMIO_QUEUE_READY) == 0)
    driver.write(VIRTIO_MMIO_QUEUE_SEL, UInt32.max)
    #expect(driver.read(VIRTIO_MMIO_QUEUE_NUM_MAX) == 0)
    driver.write(VIRTIO_MMIO_QUEUE_SEL, 1)
    #expect(driver.read(VIRTIO_MMIO_QUEUE_NUM_MAX) == 8)
  }

  @Test(arguments: [
    RingLayout(size: 32, descriptors: 0x1000, available: 0x2000, used: 0x3000),
    RingLayout(size: 0, descriptors: 0x1000, available: 0x2000, used: 0x3000),
    RingLayout(size: 12, descriptors: 0x1000, available: 0x2000, used: 0x3000),
    RingLayout(size: 16, descriptors: 0x40_0000, available: 0x2000, used: 0x3000),
    RingLayout(size: 16, descriptors: 0x1000, available: 0x3f_fffe, used: 0x3000),
    RingLayout(size: 16, descriptors: 0x1000, available: 0x2000, used: 0xffff_ffff_ffff_fffc),
    RingLayout(size: 16, descriptors: 0x1001, available: 0x2000, used: 0x3000),
  ])
  func badRingsNeedAReset(layout: RingLayout) throws {
    let device = RecordingDevice()
    let driver = try FakeDriver(device)
    defer { driver.close() }
    driver.negotiate()
    driver.setQueue(0, layout)
    driver.write(VIRTIO_MMIO_STATUS, FakeDriver.ready)
    #expect(driver.status & UInt32(VIRTIO_CONFIG_S_NEEDS_RESET) != 0)
    #expect(driver.read(VIRTIO_MMIO_INTERRUPT_STATUS) & UInt32(VIRTIO_MMIO_INT_CONFIG) != 0)
    #expect(device.activations.isEmpty)
    let failure = try #require(driver.transport.failure)
    #expect(failure.contains("queue 0"))
    driver.start()
    #expect(driver.status == FakeDriver.ready && driver.transport.failure == nil)
  }

  @Test func sizesBeyondSixteenBits() throws {
    let driver = try FakeDriver(RecordingDevice())
    defer { driver.close() }
    driver.negotiate()
    driver.setQueue(0, FakeRing(driver.memory).layout)
    driver.write(VIRTIO_MMIO_QUEUE_READY, 0)
    driver.write(VIRTIO_MMIO_QUEUE_NUM, 0x1_0010)
    driver.write(VIRTIO_MMIO_QUEUE_READY, 1)
    driver.write(VIRTIO_MMIO_STATUS, FakeDriver.ready)
    #expect(driver.status & UInt32(VIRTIO_CONFIG_S_NEEDS_RESET) != 0)
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
