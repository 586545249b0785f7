internal import CLinux
internal import GuestMemory
internal import Linux

/// What a front-end has said of one ring.
struct VhostUserRing {
  /// Addresses of the front-end's own mapping.
  struct Addresses: Equatable {
    var descriptors: UInt64
    var used: UInt64
    var available: UInt64
  }

  var size: UInt16?
  var addresses: Addresses?
  /// Chains that were taken before.
  var base: UInt16 = 0
  var kick: SharedDescriptor?
  var isEnabled = false
  let interrupt: VhostUserInterrupt
  /// While the device is active.
  var queue: Virtqueue?

  init(_ interrupt: VhostUserInterrupt) { self.interrupt = interrupt }

  /// Whether the front-end has begun to use it.
  var isStarted: Bool { kick != nil }

  /// The queue over the ring; nil when what was said of it is incomplete, or not in the memory.
  func makeQueue(_ memory: VhostUserMemory, features: UInt64) -> Virtqueue? {
    guard let size, let addresses, let kick,
      let descriptors = memory.guestAddress(of: addresses.descriptors),
      let available = memory.guestAddress(of: addresses.available),
      let used = memory.guestAddress(of: addresses.used)
    else { return nil }
    return Virtqueue(
      memory: memory.guest,
      layout: RingLayout(
        size: size, descriptors: descriptors, available: available, used: used),
      features: features, kick: kick.rawValue, interrupt: interrupt, resumingAt: base)
  }
}

/// How a queue's driver is told, over vhost-user: an eventfd that the front-end may change.
final class VhostUserInterrupt: Interrupt {
  private let call = Locked<CInt>(-1)
  private let onFault: @Sendable (RingFault) -> Void

  init(onFault: @escaping @Sendable (RingFault) -> Void) { self.onFault = onFault }

  deinit { replace(-1) }

  /// Takes over another eventfd; -1 for none.
  func replace(_ fd: CInt) {
    let old = call.withLock { call in
      let old = call
      call = fd
      return old
    }
    if old >= 0 { _ = cl_close(old) }
  }

  func signal() {
    // Under the lock: the number is not closed meanwhile.
    call.withLock { if $0 >= 0 { _ = cl_eventfd_signal($0) } }
  }

  /// The front-end has the configuration space, and its own way to say so.
  func signalConfiguration() {}

  func signalFault(_ fault: RingFault) { onFault(fault) }
}
