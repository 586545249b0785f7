import CLinux
import GuestMemory
import Linux
import Testing

@testable import Virtio

/// The steps by which a driver and a device come to terms (3.1.1), and each step out of turn.
@Suite struct MMIONegotiationTests {
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
}
