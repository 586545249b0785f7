internal import CLinux
internal import Linux

/// The interrupt of a virtio-mmio device: its status register and the eventfd that raises it.
///
/// Only atomic words, for devices tell from any thread while the transport may hold its lock. Those
/// that the driver reads are in the page of registers.
@safe final class InterruptLine: Interrupt, @unchecked Sendable {
  /// To be bound to the guest's interrupt (KVM_IRQFD), as an edge.
  let event: FileDescriptor
  private let page: RegisterPage
  private let device: any VirtioDevice
  private let needsReset: UnsafeMutablePointer<UInt32>
  private let faults = Locked<String?>(nil)

  init(_ device: any VirtioDevice, _ page: RegisterPage) throws(SystemError) {
    event = FileDescriptor(owning: try system("eventfd", "interrupt") { cl_eventfd(0) })
    self.page = page
    self.device = device
    unsafe needsReset = .allocate(capacity: 1)
    unsafe needsReset.initialize(to: 0)
  }

  deinit { unsafe needsReset.deallocate() }

  // MARK: The device's side

  func signal() { raise(VIRTIO_MMIO_INT_VRING) }

  func signalConfiguration() {
    page.showConfiguration(of: device)
    page.increment(VIRTIO_MMIO_CONFIG_GENERATION)
    raise(VIRTIO_MMIO_INT_CONFIG)
  }

  func signalFault(_ fault: RingFault) { fail("virtqueue: \(fault)") }

  /// The device can't go on until it is reset; the first reason is kept.
  func fail(_ reason: String) {
    faults.withLock { if $0 == nil { $0 = reason } }
    unsafe cl_store32(needsReset, 1)
    page.set(VIRTIO_MMIO_STATUS, bits: UInt32(VIRTIO_CONFIG_S_NEEDS_RESET))
    raise(VIRTIO_MMIO_INT_CONFIG)
  }

  private func raise(_ bit: CInt) {
    page.set(VIRTIO_MMIO_INTERRUPT_STATUS, bits: UInt32(bit))
    _ = cl_eventfd_signal(event.rawValue)
  }

  // MARK: The driver's side

  func acknowledge(_ bits: UInt32) { page.clear(VIRTIO_MMIO_INTERRUPT_STATUS, bits: bits) }

  var isFailed: Bool { unsafe cl_load32(needsReset) != 0 }

  /// Why the device failed; nil while it has not since the last reset.
  var reason: String? { faults.withLock { $0 } }

  func reset() {
    faults.withLock { $0 = nil }
    unsafe cl_store32(needsReset, 0)
    page.store(VIRTIO_MMIO_INTERRUPT_STATUS, 0)
  }
}
