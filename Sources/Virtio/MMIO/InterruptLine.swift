internal import CLinux
internal import Linux

/// The interrupt of a virtio-mmio device: its status register and the eventfd that raises it.
///
/// Only atomic words, for devices tell from any thread while the transport may hold its lock.
@safe final class InterruptLine: Interrupt, @unchecked Sendable {
  /// To be bound to the guest's interrupt (KVM_IRQFD), as an edge.
  let event: FileDescriptor
  private let status: UnsafeMutablePointer<UInt32>
  private let needsReset: UnsafeMutablePointer<UInt32>
  private let changes: UnsafeMutablePointer<UInt32>
  private let faults = Locked<String?>(nil)

  init() throws(SystemError) {
    event = FileDescriptor(owning: try system("eventfd", "interrupt") { cl_eventfd(0) })
    unsafe status = .allocate(capacity: 3)
    unsafe status.initialize(repeating: 0, count: 3)
    unsafe needsReset = unsafe status + 1
    unsafe changes = unsafe status + 2
  }

  deinit { unsafe status.deallocate() }

  // MARK: The device's side

  func signal() { raise(VIRTIO_MMIO_INT_VRING) }

  func signalConfiguration() {
    _ = unsafe cl_fetch_add32(changes, 1)
    raise(VIRTIO_MMIO_INT_CONFIG)
  }

  func signalFault(_ fault: RingFault) { fail("virtqueue: \(fault)") }

  /// The device can't go on until it is reset; the first reason is kept.
  func fail(_ reason: String) {
    faults.withLock { if $0 == nil { $0 = reason } }
    _ = unsafe cl_fetch_or32(needsReset, 1)
    raise(VIRTIO_MMIO_INT_CONFIG)
  }

  private func raise(_ bit: CInt) {
    _ = unsafe cl_fetch_or32(status, UInt32(bit))
    _ = cl_eventfd_signal(event.rawValue)
  }

  // MARK: The driver's side

  /// InterruptStatus.
  var pending: UInt32 { unsafe cl_load32(status) }

  func acknowledge(_ bits: UInt32) { _ = unsafe cl_fetch_and32(status, ~bits) }

  /// ConfigGeneration: another one after each change.
  var generation: UInt32 { unsafe cl_load32(changes) }

  var isFailed: Bool { unsafe cl_load32(needsReset) != 0 }

  /// Why the device failed; nil while it has not since the last reset.
  var reason: String? { faults.withLock { $0 } }

  func reset() {
    faults.withLock { $0 = nil }
    unsafe cl_store32(needsReset, 0)
    unsafe cl_store32(status, 0)
  }
}
