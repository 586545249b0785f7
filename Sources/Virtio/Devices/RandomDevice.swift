internal import CLinux
public import Linux

/// The entropy device (virtio 1.2, 5.4): bytes of the host's getrandom, so many per time.
@safe public final class RandomDevice: VirtioDevice, @unchecked Sendable {
  public let type = UInt32(VIRTIO_ID_RNG)
  public let features: UInt64 = 0
  public let queueSizes: [UInt16] = [64]

  /// The most that one request gets; the driver asks again.
  static let requestLimit = 4096
  /// Bytes a second, and at once: no guest needs more, and none may make the host produce it.
  static let rate = 256 << 10

  private let now: () -> Int64
  private let timer: FileDescriptor
  private var queue: Virtqueue?
  private var loop: EventLoop?
  private var bucket: TokenBucket

  public convenience init() throws(SystemError) { try self.init(now: { cl_monotonic_ns() }) }

  /// `now` is the clock that the rate goes by, in nanoseconds.
  init(now: @escaping () -> Int64) throws(SystemError) {
    self.now = now
    timer = FileDescriptor(owning: try system("timerfd_create") { cl_timerfd() })
    bucket = TokenBucket(rate: Int64(Self.rate), capacity: Int64(Self.rate), now: now())
  }

  public func readConfiguration(offset: UInt64, into bytes: UnsafeMutableRawBufferPointer) {
    unsafe ConfigurationSpace.read([], offset: offset, into: bytes)
  }
  public func writeConfiguration(offset: UInt64, _ bytes: UnsafeRawBufferPointer) {}

  public func activate(
    _ queues: [Virtqueue?], features: UInt64, _ loop: EventLoop
  ) throws(SystemError) {
    queue = queues[0]
    self.loop = loop
    try loop.add(timer.rawValue, UInt32(CL_EPOLLIN)) { [unowned self] _ in
      _ = cl_eventfd_take(timer.rawValue)
      process(queue: 0)
    }
  }

  public func process(queue index: Int) {
    guard let queue else { return }
    var allowed = 0
    queue.drain(while: {
      allowed = bucket.available(now: now())
      if allowed > 0 { return true }
      _ = cl_timerfd_arm(timer.rawValue, bucket.wait(for: Self.requestLimit))
      return false
    }) { chain in
      let count = fill(chain, min(chain.writableBytes, allowed, Self.requestLimit))
      bucket.take(count)
      return count
    }
  }

  /// The bytes of entropy that the chain was given.
  private func fill(_ chain: DescriptorChain, _ count: Int) -> Int {
    var filled = 0
    for index in unsafe chain.writable.indices {
      let segment = unsafe chain.writable[index]
      var offset = 0
      while offset < segment.count, filled < count {
        let part = min(segment.count - offset, count - filled)
        let result = unsafe cl_getrandom(segment.baseAddress! + offset, part)
        if result <= 0 { return filled }
        offset += result
        filled += result
      }
    }
    return filled
  }

  public func reset() {
    loop?.remove(timer.rawValue)
    _ = cl_timerfd_arm(timer.rawValue, 0)
    loop = nil
    queue = nil
  }
}
