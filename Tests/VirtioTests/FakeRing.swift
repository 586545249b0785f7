import CLinux
import GuestMemory
import Virtio

/// The driver's side of a ring, in the memory of a guest that is not there; it lies where it is
/// told to.
final class FakeRing {
  let memory: GuestMemory
  let layout: RingLayout
  private(set) var offered: UInt16 = 0
  private(set) var seen: UInt16 = 0

  static let next = UInt16(VRING_DESC_F_NEXT)
  static let write = UInt16(VRING_DESC_F_WRITE)
  static let indirect = UInt16(VRING_DESC_F_INDIRECT)

  /// A ring whose parts lie one behind the other from `address` on.
  init(_ memory: GuestMemory, size: UInt16 = 16, at address: UInt64 = 0x1000) {
    self.memory = memory
    let available = address + 16 * UInt64(size)
    let used = (available + 6 + 2 * UInt64(size) + 3) / 4 * 4
    layout = RingLayout(size: size, descriptors: address, available: available, used: used)
  }

  /// The first address behind the ring.
  var end: UInt64 { layout.used + 6 + 8 * UInt64(layout.size) }

  func pointer(_ address: UInt64) -> UnsafeMutableRawPointer {
    memory.slice(at: address, count: 1)!.baseAddress!
  }

  /// Writes a descriptor into the ring's table, or the one at `table`.
  func describe(
    _ index: UInt16, _ address: UInt64, _ length: UInt32, _ flags: UInt16 = 0, next: UInt16 = 0,
    table: UInt64? = nil
  ) {
    let at = pointer((table ?? layout.descriptors) + 16 * UInt64(index))
    at.storeBytes(of: address, as: UInt64.self)
    (at + 8).storeBytes(of: length, as: UInt32.self)
    (at + 12).storeBytes(of: flags, as: UInt16.self)
    (at + 14).storeBytes(of: next, as: UInt16.self)
  }

  /// Describes a chain in consecutive descriptors from `first` on, and offers it.
  func offer(_ buffers: [(address: UInt64, length: UInt32, writable: Bool)], first: UInt16 = 0) {
    for (offset, buffer) in buffers.enumerated() {
      let isLast = offset == buffers.count - 1
      describe(
        first + UInt16(offset), buffer.address, buffer.length,
        (buffer.writable ? Self.write : 0) | (isLast ? 0 : Self.next),
        next: isLast ? 0 : first + UInt16(offset) + 1)
    }
    offer(head: first)
  }

  /// Puts a chain into the available ring.
  func offer(head: UInt16) {
    let slot = layout.available + 4 + 2 * UInt64(offered % layout.size)
    pointer(slot).storeBytes(of: head, as: UInt16.self)
    setAvailable(offered &+ 1)
  }

  func setAvailable(_ index: UInt16) {
    offered = index
    cl_store16(pointer(layout.available + 2), index)
  }

  /// The next completed chain.
  func take() -> (head: UInt32, length: UInt32)? {
    guard cl_load16(pointer(layout.used + 2)) != seen else { return nil }
    let at = pointer(layout.used + 4 + 8 * UInt64(seen % layout.size))
    seen &+= 1
    return (at.load(as: UInt32.self), (at + 4).load(as: UInt32.self))
  }

  /// What the device told the driver about kicks.
  var usedFlags: UInt16 { cl_load16(pointer(layout.used)) }
  var availableEvent: UInt16 {
    cl_load16(pointer(layout.used + 4 + 8 * UInt64(layout.size)))
  }
  /// What the driver tells the device about interrupts.
  func setAvailableFlags(_ flags: UInt16) { cl_store16(pointer(layout.available), flags) }
  func setUsedEvent(_ index: UInt16) {
    cl_store16(pointer(layout.available + 4 + 2 * UInt64(layout.size)), index)
  }

  func fill(_ address: UInt64, _ bytes: [UInt8]) { precondition(memory.write(bytes, at: address)) }
  func bytes(_ address: UInt64, _ count: Int) -> [UInt8] { memory.read(at: address, count: count)! }
}

/// Counts what a device tells.
final class CountingInterrupt: Interrupt, @unchecked Sendable {
  private(set) var signals = 0
  private(set) var configurations = 0
  private(set) var faults: [RingFault] = []
  func signal() { signals += 1 }
  func signalConfiguration() { configurations += 1 }
  func signalFault(_ fault: RingFault) { faults.append(fault) }
}

func guestMemory(megabytes: UInt64 = 4) -> GuestMemory {
  try! GuestMemory.allocate(size: megabytes << 20, shared: false)
}
