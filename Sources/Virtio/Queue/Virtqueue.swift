internal import CLinux
public import GuestMemory

/// Where a driver put a split ring: size and guest addresses of its three parts (virtio 1.2, 2.7).
public struct RingLayout: Sendable, Equatable {
  public var size: UInt16
  public var descriptors: UInt64
  public var available: UInt64
  public var used: UInt64

  public init(size: UInt16, descriptors: UInt64, available: UInt64, used: UInt64) {
    self.size = size
    self.descriptors = descriptors
    self.available = available
    self.used = used
  }
}

/// The device's side of a split virtqueue (virtio 1.2, 2.7), for a driver that is not trusted.
///
/// Each descriptor is copied once and checked; whatever a correct driver never does leaves the
/// queue dead (`fault`) and tells the transport. One thread at a time uses a queue.
@safe public final class Virtqueue: @unchecked Sendable {
  /// The number of descriptors: a power of two.
  public let size: UInt16
  /// The eventfd on which the driver kicks; the transport's.
  public let kick: CInt
  /// How the driver is told; the transport's.
  public let interrupt: any Interrupt
  private let memory: GuestMemory
  private let reachesWindow: Bool
  private let mask: UInt16
  private let descriptors: UnsafeRawPointer
  private let available: UnsafeRawPointer
  private let used: UnsafeMutableRawPointer
  private let isIndirectAllowed: Bool
  private let hasEventIndex: Bool

  /// Chains that were taken, and how far the driver is known to be.
  private var takenIndex: UInt16
  private var availableIndex: UInt16
  private var usedIndex: UInt16
  /// Chains that were completed since the driver was last told, or not told on purpose.
  private var untold: UInt32 = 0
  private var spare: [DescriptorChain] = []
  // Read through a property of its own each: storage that only this file sees is used without
  // checks for exclusive access, which would cost as much as the work.
  private var firstFault: RingFault?
  private var lentCount = 0

  /// A queue over a ring of the driver; nil when a part is misaligned or not all in guest memory.
  ///
  /// `features` are the negotiated ones. `resumingAt` goes on with a ring that is in use: that many
  /// chains (modulo 65536) were taken before. With `reachesWindow` buffers may lie in the window of
  /// the memory; rings and tables never do.
  public init?(
    memory: GuestMemory, layout: RingLayout, features: UInt64, kick: CInt,
    interrupt: any Interrupt, resumingAt base: UInt16? = nil, reachesWindow: Bool = false
  ) {
    let count = UInt64(layout.size)
    guard layout.size > 0, layout.size <= 32768, layout.size & (layout.size &- 1) == 0,
      layout.descriptors % 16 == 0, layout.available % 2 == 0, layout.used % 4 == 0,
      let descriptors = unsafe memory.slice(at: layout.descriptors, count: 16 * count)?.baseAddress,
      let available = unsafe memory.slice(at: layout.available, count: 6 + 2 * count)?.baseAddress,
      let used = unsafe memory.slice(at: layout.used, count: 6 + 8 * count)?.baseAddress,
      // Where a region itself is mapped at an odd address.
      UInt(bitPattern: descriptors) % 16 == 0, UInt(bitPattern: available) % 2 == 0,
      UInt(bitPattern: used) % 4 == 0
    else { return nil }
    size = layout.size
    mask = layout.size &- 1
    self.kick = kick
    self.interrupt = interrupt
    self.memory = memory
    self.reachesWindow = reachesWindow
    unsafe self.descriptors = UnsafeRawPointer(descriptors)
    unsafe self.available = UnsafeRawPointer(available)
    unsafe self.used = unsafe used
    isIndirectAllowed = features & Feature.indirectDescriptors != 0
    hasEventIndex = features & Feature.eventIndex != 0
    takenIndex = base ?? 0
    availableIndex = takenIndex
    usedIndex = base == nil ? 0 : unsafe cl_load16(used + 2)
    spare.reserveCapacity(16)
  }

  /// What the driver did wrong; nothing is taken or completed from then on.
  public var fault: RingFault? { firstFault }
  public var isBroken: Bool { firstFault != nil }

  /// The number of chains that the device has.
  public var lent: Int { lentCount }

  /// How many chains were taken, modulo 65536: what a later queue over the same ring resumes at.
  public var position: UInt16 { takenIndex }

  // MARK: Taking

  /// Whether `next` would find something.
  public var hasNext: Bool {
    firstFault == nil && (availableIndex != takenIndex || refresh())
  }

  /// The next request of the driver; nil when there is none, or the ring is broken.
  ///
  /// Who gets one completes it or puts it back.
  public func next() -> DescriptorChain? {
    guard hasNext else { return nil }
    guard lentCount < Int(size) else { return fail(.tooManyLent) }
    let head = unsafe cl_load16(available + 4 + 2 * Int(takenIndex & mask))
    let chain = spare.popLast() ?? DescriptorChain()
    chain.clear(head: head)
    if let fault = walk(chain) {
      spare.append(chain)
      return fail(fault)
    }
    takenIndex &+= 1
    lentCount += 1
    chain.isLent = true
    return chain
  }

  /// Gives the chain that `next` returned last back, untouched: `next` finds it again.
  public func putBack(_ chain: DescriptorChain) {
    guard chain.isLent else { return }
    takenIndex &-= 1
    release(chain)
  }

  /// Asks the ring how far the driver is; whether that is further than before.
  private func refresh() -> Bool {
    // Acquires: what the driver wrote before the index is seen after it.
    let index = unsafe cl_load16(available + 2)
    let waiting = index &- takenIndex
    if waiting == 0 { return false }
    guard waiting <= size else {
      let _: DescriptorChain? = fail(.availableIndex)
      return false
    }
    availableIndex = index
    return true
  }

  /// Collects the buffers of a chain; each descriptor is copied once and no more than `size` are.
  private func walk(_ chain: DescriptorChain) -> RingFault? {
    var table = unsafe descriptors
    var tableSize = UInt32(size)
    var isIndirect = false
    var index = UInt32(chain.head)
    var count: UInt16 = 0
    var total: UInt64 = 0
    var hasWritable = false
    while true {
      guard index < tableSize else { return .descriptorIndex }
      let descriptor = unsafe cl_load_descriptor(table + 16 * Int(index))
      let flags = CInt(descriptor.flags)
      if flags & VRING_DESC_F_INDIRECT != 0 {
        // It ends the direct chain: 2.7.5.3.1 forbids NEXT beside it.
        guard isIndirectAllowed, !isIndirect, flags & VRING_DESC_F_NEXT == 0 else {
          return .indirectNotAllowed
        }
        guard descriptor.length >= 16, descriptor.length % 16 == 0,
          descriptor.length / 16 <= UInt32(size),
          let bytes = unsafe memory.slice(
            at: descriptor.address, count: UInt64(descriptor.length))
        else { return .indirectTable }
        unsafe table = UnsafeRawPointer(bytes.baseAddress!)
        tableSize = descriptor.length / 16
        isIndirect = true
        index = 0
        continue
      }
      guard count < size else { return .chainLength }
      count += 1
      let isWritable = flags & VRING_DESC_F_WRITE != 0
      guard isWritable || !hasWritable else { return .bufferOrder }
      hasWritable = isWritable
      if descriptor.length > 0 {
        total += UInt64(descriptor.length)
        guard total <= UInt64(UInt32.max) else { return .totalLength }
        let length = UInt64(descriptor.length)
        guard
          let bytes = unsafe reachesWindow
            ? memory.segment(at: descriptor.address, count: length)
            : memory.slice(at: descriptor.address, count: length)
        else { return .bufferRange }
        unsafe chain.append(bytes, writable: isWritable)
      }
      if flags & VRING_DESC_F_NEXT == 0 { return nil }
      index = UInt32(descriptor.next)
    }
  }

  // MARK: Completing

  /// Hands a chain back to the driver, with the number of bytes that were written to it.
  ///
  /// The driver is told by `notify`.
  public func complete(_ chain: DescriptorChain, written: Int) {
    guard chain.isLent else { return }
    if firstFault == nil {
      let element = unsafe used + 4 + 8 * Int(usedIndex & mask)
      let length = UInt32(max(0, min(written, chain.writableBytes)))
      unsafe cl_store32(element, UInt32(chain.head))
      unsafe cl_store32(element + 4, length)
      usedIndex &+= 1
      // Releases: the driver sees the data and the element before the index.
      unsafe cl_store16(used + 2, usedIndex)
      if untold < UInt32.max { untold += 1 }
    }
    release(chain)
  }

  private func release(_ chain: DescriptorChain) {
    chain.isLent = false
    lentCount -= 1
    if spare.count < 64 { spare.append(chain) }
  }

  /// Interrupts the driver if it wants that for what was completed since the last call.
  public func notify() {
    if takeNotification() { interrupt.signal() }
  }

  /// Whether the driver is to be interrupted for what was completed since the last call: for who
  /// does that without the lock that the queue is under.
  func takeNotification() -> Bool {
    guard untold > 0, firstFault == nil else { return false }
    let count = untold
    untold = 0
    // What was completed is visible before the driver's wish is read (2.7.7.2, 2.7.10).
    cl_fence()
    if hasEventIndex {
      let event = unsafe cl_load16(available + 4 + 2 * Int(size))
      return count > 0xffff || UInt32(usedIndex &- event &- 1) < count
    }
    return unsafe CInt(cl_load16(available)) & VRING_AVAIL_F_NO_INTERRUPT == 0
  }

  // MARK: Kicks

  /// Tells the driver that kicks are of no use now; a hint.
  public func disableNotifications() {
    if !hasEventIndex, firstFault == nil { unsafe cl_store16(used, UInt16(VRING_USED_F_NO_NOTIFY)) }
  }

  /// Asks the driver for a kick with its next request; true when there is one already, for which
  /// none will come.
  public func enableNotifications() -> Bool {
    guard firstFault == nil else { return false }
    if hasEventIndex {
      unsafe cl_store16(used + 4 + 8 * Int(size), takenIndex)
    } else {
      unsafe cl_store16(used, 0)
    }
    // The wish is visible before the index is looked at again (2.7.7.2, 2.7.10.2).
    cl_fence()
    return hasNext
  }

  /// Handles what the driver put into the queue, and tells it once.
  ///
  /// `handle` returns the bytes that it wrote, for the chain to be completed, or nil when the device
  /// keeps it. `isReady` is asked before each; once it is false the rest stays for a later call,
  /// which the device sees to. After `size` chains the rest waits for the next turn of the event
  /// loop, so that no driver can hold a thread.
  public func drain(
    while isReady: () -> Bool = { true }, _ handle: (DescriptorChain) -> Int?
  ) {
    var budget = size
    repeat {
      disableNotifications()
      while hasNext {
        guard isReady() else {
          notify()
          return
        }
        guard budget > 0 else {
          notify()
          _ = cl_eventfd_signal(kick)
          return
        }
        budget -= 1
        guard let chain = next() else { break }
        if let written = handle(chain) { complete(chain, written: written) }
      }
      notify()
    } while enableNotifications()
  }

  private func fail(_ fault: RingFault) -> DescriptorChain? {
    if firstFault == nil {
      firstFault = fault
      interrupt.signalFault(fault)
    }
    return nil
  }
}
