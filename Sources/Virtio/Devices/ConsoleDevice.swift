internal import CLinux
internal import Linux

/// The console device (virtio 1.2, 5.3) with one port: what the guest writes goes to a closure, so
/// much per time; what is typed waits for the guest's buffers.
@safe public final class ConsoleDevice: VirtioDevice, @unchecked Sendable {
  public let type = UInt32(VIRTIO_ID_CONSOLE)
  public let features: UInt64 = 0
  public let queueSizes: [UInt16] = [64, 64]

  /// The most that is taken of one buffer chain.
  static let requestLimit = 64 << 10
  /// Bytes of output a second, and at once; what is beyond is left out.
  static let rate = 1 << 20
  /// Bytes of input that wait for the guest.
  static let inputLimit = 64 << 10

  private let output: @Sendable (UnsafeRawBufferPointer) -> Void
  private let now: () -> Int64
  private let buffer: UnsafeMutableRawBufferPointer
  private let typed = Locked<[UInt8]>([])
  private var queues: [Virtqueue?] = []
  private let loop = Locked<EventLoop?>(nil)
  private var bucket: TokenBucket
  private var leftOut = 0

  /// `output` is called on the event loop's thread, with at most 4096 bytes at a time.
  public convenience init(output: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) {
    unsafe self.init(now: { cl_monotonic_ns() }, output: output)
  }

  init(now: @escaping () -> Int64, output: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) {
    self.now = now
    unsafe self.output = unsafe output
    unsafe buffer = .allocate(byteCount: 4096, alignment: 16)
    bucket = TokenBucket(rate: Int64(Self.rate), capacity: Int64(Self.rate), now: now())
  }

  deinit { unsafe buffer.deallocate() }

  public func readConfiguration(offset: UInt64, into bytes: UnsafeMutableRawBufferPointer) {
    unsafe ConfigurationSpace.read([], offset: offset, into: bytes)
  }
  public func writeConfiguration(offset: UInt64, _ bytes: UnsafeRawBufferPointer) {}

  public func activate(_ queues: [Virtqueue?], features: UInt64, _ loop: EventLoop) {
    self.queues = queues
    self.loop.withLock { $0 = loop }
    deliver()
  }

  public func process(queue index: Int) {
    if index == 0 {
      deliver()
    } else if index < queues.count {
      queues[index]?.drain { chain in
        take(chain)
        return 0
      }
    }
  }

  public func reset() {
    queues = []
    loop.withLock { $0 = nil }
    typed.withLock { $0 = [] }
  }

  // MARK: Output

  private func take(_ chain: DescriptorChain) {
    let allowed = min(chain.readableBytes, Self.requestLimit, bucket.available(now: now()))
    bucket.take(allowed)
    if allowed > 0, leftOut > 0 {
      let note = "\n[\(leftOut) bytes of the guest's console were left out]\n"
      leftOut = 0
      unsafe Array(note.utf8).withUnsafeBytes { unsafe output($0) }
    }
    var offset = 0
    while offset < allowed {
      let count = unsafe chain.read(
        into: UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(allowed - offset)),
        from: offset)
      if count == 0 { break }
      unsafe output(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      offset += count
    }
    let (sum, isTooMuch) = leftOut.addingReportingOverflow(chain.readableBytes - allowed)
    leftOut = isTooMuch ? Int.max : sum
  }

  // MARK: Input

  /// Types something at the guest; the bytes that there was room for. From any thread.
  public func type(_ bytes: [UInt8]) -> Int {
    guard let loop = loop.withLock({ $0 }) else { return 0 }
    let accepted = typed.withLock { typed in
      let count = min(bytes.count, Self.inputLimit - typed.count)
      typed += bytes[..<count]
      return count
    }
    if accepted > 0 { loop.post { [self] in deliver() } }
    return accepted
  }

  private func deliver() {
    guard let queue = queues.first ?? nil else { return }
    queue.drain(while: { typed.withLock { !$0.isEmpty } }) { chain in
      typed.withLock { typed in
        let written = unsafe typed.withUnsafeBytes { unsafe chain.write($0) }
        typed.removeFirst(written)
        return written
      }
    }
  }
}
