/// How a device tells its driver something: what the transport lends to each queue.
///
/// All of it may be called from any thread, without waiting.
public protocol Interrupt: AnyObject, Sendable {
  /// A queue has completed buffers (mmio: interrupt status and irqfd; vhost-user: call eventfd).
  func signal()
  /// The configuration space has changed.
  func signalConfiguration()
  /// The driver broke a ring: nothing more is done until it resets the device.
  func signalFault(_ fault: RingFault)
}
