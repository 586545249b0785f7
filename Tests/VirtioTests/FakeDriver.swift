import CLinux
import GuestMemory
import Testing
import Virtio

/// A driver that does with a virtio-mmio device what a guest's kernel does, and what none would.
final class FakeDriver: @unchecked Sendable {
  let memory: GuestMemory
  let transport: MMIOTransport
  let loop: EventLoop
  private(set) var rings: [FakeRing] = []
  /// The first address that no ring takes.
  private(set) var free: UInt64 = 0x1000

  static let ready = UInt32(
    VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK
      | VIRTIO_CONFIG_S_DRIVER_OK)

  init(
    _ device: any VirtioDevice, memory: GuestMemory = guestMemory(),
    page: UnsafeMutableRawPointer? = nil, isHidden: Bool = false
  ) throws {
    self.memory = memory
    loop = try EventLoop(name: "test")
    transport = try unsafe MMIOTransport(
      device: device, memory: memory, loop: loop, page: page, isHidden: isHidden)
    try loop.start()
  }

  /// The machine is gone: nothing of it runs afterwards.
  func close() {
    transport.shutDown()
    loop.stop()
  }

  // MARK: Registers

  func read(_ offset: UInt64, _ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xaa, count: count)
    var span = bytes.mutableSpan
    var raw = span.mutableBytes
    transport.read(offset: offset, into: &raw)
    return bytes
  }

  func read(_ register: CInt) -> UInt32 {
    read(UInt64(register), 4).enumerated().reduce(0) { $0 | UInt32($1.element) << ($1.offset * 8) }
  }

  func write(_ offset: UInt64, _ bytes: [UInt8]) {
    transport.write(offset: offset, bytes.span.bytes)
  }

  func write(_ register: CInt, _ value: UInt32) {
    write(UInt64(register), (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) })
  }

  var status: UInt32 { read(VIRTIO_MMIO_STATUS) }

  /// The features that the device offers.
  var offered: UInt64 {
    write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1)
    let high = UInt64(read(VIRTIO_MMIO_DEVICE_FEATURES))
    write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0)
    return high << 32 | UInt64(read(VIRTIO_MMIO_DEVICE_FEATURES))
  }

  // MARK: Steps

  /// Reset, ACKNOWLEDGE, DRIVER, and the features; whether the device took them.
  @discardableResult
  func negotiate(_ features: UInt64? = nil) -> Bool {
    let features = features ?? offered
    write(VIRTIO_MMIO_STATUS, 0)
    write(VIRTIO_MMIO_STATUS, 1)
    write(VIRTIO_MMIO_STATUS, 3)
    write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0)
    write(VIRTIO_MMIO_DRIVER_FEATURES, UInt32(truncatingIfNeeded: features))
    write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1)
    write(VIRTIO_MMIO_DRIVER_FEATURES, UInt32(truncatingIfNeeded: features >> 32))
    write(VIRTIO_MMIO_STATUS, 11)
    return status & 8 != 0
  }

  /// Tells the device where a ring is.
  func setQueue(_ index: Int, _ layout: RingLayout) {
    write(VIRTIO_MMIO_QUEUE_SEL, UInt32(index))
    write(VIRTIO_MMIO_QUEUE_NUM, UInt32(layout.size))
    let addresses = [
      (VIRTIO_MMIO_QUEUE_DESC_LOW, layout.descriptors),
      (VIRTIO_MMIO_QUEUE_AVAIL_LOW, layout.available), (VIRTIO_MMIO_QUEUE_USED_LOW, layout.used),
    ]
    for (register, address) in addresses {
      write(register, UInt32(truncatingIfNeeded: address))
      write(register + 4, UInt32(truncatingIfNeeded: address >> 32))
    }
    write(VIRTIO_MMIO_QUEUE_READY, 1)
  }

  /// All steps, with a ring of at most `size` for each queue of the device.
  func start(_ features: UInt64? = nil, size: UInt16 = 16) {
    #expect(negotiate(features))
    rings = []
    free = 0x1000
    for index in 0..<transport.device.queueSizes.count {
      write(VIRTIO_MMIO_QUEUE_SEL, UInt32(index))
      let size = min(size, UInt16(read(VIRTIO_MMIO_QUEUE_NUM_MAX)))
      let ring = FakeRing(memory, size: size, at: free)
      memory.slice(at: free, count: ring.end - free)!.initializeMemory(as: UInt8.self, repeating: 0)
      free = (ring.end + 0xfff) / 0x1000 * 0x1000
      setQueue(index, ring.layout)
      rings.append(ring)
    }
    write(VIRTIO_MMIO_STATUS, Self.ready)
  }

  func kick(_ queue: Int) { write(VIRTIO_MMIO_QUEUE_NOTIFY, UInt32(queue)) }

  /// Waits for the next completed chain of a queue, as the guest's interrupt handler does.
  func completed(_ queue: Int) -> (head: UInt32, length: UInt32)? {
    while true {
      if let used = rings[queue].take() {
        rings[queue].setUsedEvent(rings[queue].seen)
        cl_fence()
        return used
      }
      guard waitForInterrupt() else { return nil }
    }
  }

  /// Whether the device interrupts; false after ten seconds without.
  func waitForInterrupt() -> Bool {
    guard isInterrupted() else { return false }
    write(VIRTIO_MMIO_INTERRUPT_ACK, read(VIRTIO_MMIO_INTERRUPT_STATUS))
    return true
  }

  /// The same without the acknowledgement: what the status says stays.
  func isInterrupted() -> Bool {
    var descriptor = pollfd(fd: transport.interruptEvent, events: Int16(POLLIN), revents: 0)
    guard poll(&descriptor, 1, 10_000) == 1 else { return false }
    _ = cl_eventfd_take(transport.interruptEvent)
    return true
  }
}
