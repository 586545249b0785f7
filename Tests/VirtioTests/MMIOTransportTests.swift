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
}
