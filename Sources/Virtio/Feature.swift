internal import CLinux

/// Features of rings and transports, as bits (virtio 1.2, 6).
public enum Feature {
  public static let indirectDescriptors: UInt64 = 1 << UInt64(VIRTIO_RING_F_INDIRECT_DESC)
  public static let eventIndex: UInt64 = 1 << UInt64(VIRTIO_RING_F_EVENT_IDX)
  public static let version1: UInt64 = 1 << UInt64(VIRTIO_F_VERSION_1)

  /// What the rings of this module can do, whatever the device.
  public static let ring = indirectDescriptors | eventIndex | version1
}
