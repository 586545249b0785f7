internal import CLinux

/// What the driver has written into a queue's registers so far (virtio 1.2, 4.2.2).
struct QueueSetup {
  let maximum: UInt16
  var size: UInt32
  var isReady = false
  var descriptors: UInt64 = 0
  var available: UInt64 = 0
  var used: UInt64 = 0

  init(maximum: UInt16) {
    self.maximum = maximum
    size = UInt32(maximum)
  }

  /// Where the ring is; nil for a size that the device does not have.
  var layout: RingLayout? {
    guard size > 0, size <= UInt32(maximum) else { return nil }
    return RingLayout(
      size: UInt16(size), descriptors: descriptors, available: available, used: used)
  }

  /// Writes a register; whether it is one that says where the ring is.
  mutating func write(_ register: CInt, _ value: UInt32) -> Bool {
    switch register {
    case VIRTIO_MMIO_QUEUE_NUM: size = value
    case VIRTIO_MMIO_QUEUE_DESC_LOW: Self.setLow(&descriptors, value)
    case VIRTIO_MMIO_QUEUE_DESC_HIGH: Self.setHigh(&descriptors, value)
    case VIRTIO_MMIO_QUEUE_AVAIL_LOW: Self.setLow(&available, value)
    case VIRTIO_MMIO_QUEUE_AVAIL_HIGH: Self.setHigh(&available, value)
    case VIRTIO_MMIO_QUEUE_USED_LOW: Self.setLow(&used, value)
    case VIRTIO_MMIO_QUEUE_USED_HIGH: Self.setHigh(&used, value)
    default: return false
    }
    return true
  }

  static func setLow(_ whole: inout UInt64, _ value: UInt32) {
    whole = whole & 0xffff_ffff_0000_0000 | UInt64(value)
  }

  static func setHigh(_ whole: inout UInt64, _ value: UInt32) {
    whole = whole & 0xffff_ffff | UInt64(value) << 32
  }
}
