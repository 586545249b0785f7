public import Linux

/// Memory of a device in the guest's address space, which its driver finds by number (virtio 1.2, 2.10).
public struct SharedMemory: Sendable, Equatable {
  public let id: UInt8
  public let guestAddress: UInt64
  public let size: UInt64

  public init(id: UInt8, guestAddress: UInt64, size: UInt64) {
    self.id = id
    self.guestAddress = guestAddress
    self.size = size
  }
}

/// A virtio device without its transport: what virtio-mmio of our own VMM and vhost-user of another
/// one both drive (virtio 1.2, 2).
///
/// All calls come from one thread, the event loop's, except `readConfiguration` and
/// `writeConfiguration`, which come from vCPU threads.
public protocol VirtioDevice: AnyObject, Sendable {
  /// The device id of virtio 1.2, section 5.
  var type: UInt32 { get }
  /// Features of the device itself; the transport adds `Feature.ring`.
  var features: UInt64 { get }
  /// The largest size of each queue.
  var queueSizes: [UInt16] { get }

  /// Fills `bytes` with the configuration space from `offset` on; zeros behind its end.
  func readConfiguration(offset: UInt64, into bytes: UnsafeMutableRawBufferPointer)
  func writeConfiguration(offset: UInt64, _ bytes: UnsafeRawBufferPointer)

  /// The driver is ready: the queues are frozen from here to `reset`. A queue that the driver does
  /// not use is nil.
  func activate(_ queues: [Virtqueue?], features: UInt64, _ loop: EventLoop) throws(SystemError)
  /// The driver has put buffers into a queue; also called when it has not.
  func process(queue index: Int)
  /// Lets go of the queues: on return no thread touches guest memory for the device any more. It can
  /// be activated again.
  func reset()

  /// Whether the device itself waits for the kicks of a queue, on threads of its own; the transport
  /// then leaves that queue's eventfd alone.
  func watches(queue index: Int) -> Bool

  /// The device's own memory. Where there is some, buffers of its queues may lie in the window of
  /// `GuestMemory`: the device hands those to the kernel and touches no byte of them.
  var sharedMemory: SharedMemory? { get }
}

extension VirtioDevice {
  public func watches(queue index: Int) -> Bool { false }
  public var sharedMemory: SharedMemory? { nil }
}
