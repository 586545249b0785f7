internal import CLinux
public import GuestMemory
internal import Linux

/// The memory balloon (virtio 1.2, 5.5): memory that the guest does not use goes back to the host,
/// what the balloon holds and what free page reporting names.
///
/// Statistics and free page hints are not offered. A driver counts only the queues that it uses, or
/// all of them, as the editions of the specification differ: each behind the second one is taken for
/// the reports.
@safe public final class BalloonDevice: VirtioDevice, @unchecked Sendable {
  public let type = UInt32(VIRTIO_ID_BALLOON)
  public let features: UInt64 =
    1 << UInt64(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) | 1 << UInt64(VIRTIO_BALLOON_F_REPORTING)
  public let queueSizes: [UInt16] = [128, 128, 64, 64, 64]

  /// Page numbers of one request that are looked at; Linux sends 256.
  static let numbersLimit = 16384
  private static let pageShift: UInt64 = 12

  private struct Shared {
    /// Pages that the host wants, and that the driver says it gave.
    var wanted: UInt32 = 0
    var actual: UInt32 = 0
    var interrupt: (any Interrupt)?
  }

  private let memory: GuestMemory
  private let shared = Locked(Shared())
  private var queues: [Virtqueue?] = []
  private var isReporting = false

  public init(memory: GuestMemory) { self.memory = memory }

  /// Asks the guest to give up so many pages of 4096 bytes. From any thread.
  public func setTarget(pages: UInt32) {
    let interrupt = shared.withLock { shared in
      shared.wanted = pages
      return shared.interrupt
    }
    interrupt?.signalConfiguration()
  }

  /// Pages that the guest says it has given up.
  public var actualPages: UInt32 { shared.withLock { $0.actual } }

  public func readConfiguration(offset: UInt64, into bytes: UnsafeMutableRawBufferPointer) {
    let (wanted, actual) = shared.withLock { ($0.wanted, $0.actual) }
    unsafe ConfigurationSpace.read(
      ConfigurationSpace.bytes(wanted) + ConfigurationSpace.bytes(actual), offset: offset,
      into: bytes)
  }

  public func writeConfiguration(offset: UInt64, _ bytes: UnsafeRawBufferPointer) {
    // `actual` is the one field that is the driver's.
    guard offset == 4, bytes.count == 4 else { return }
    let value = unsafe bytes.loadUnaligned(as: UInt32.self)
    shared.withLock { $0.actual = value }
  }

  public func activate(_ queues: [Virtqueue?], features: UInt64, _ loop: EventLoop) {
    self.queues = queues
    isReporting = features & 1 << UInt64(VIRTIO_BALLOON_F_REPORTING) != 0
    let interrupt = queues.lazy.compactMap { $0?.interrupt }.first
    shared.withLock { $0.interrupt = interrupt }
  }

  public func process(queue index: Int) {
    guard index < queues.count, let queue = queues[index] else { return }
    switch index {
    case 0:
      queue.drain { chain in
        inflate(chain)
        return 0
      }
    // Deflated pages come back when they are touched.
    case 1: queue.drain { _ in 0 }
    default:
      queue.drain { chain in
        if isReporting { report(chain) }
        return 0
      }
    }
  }

  public func reset() {
    queues = []
    isReporting = false
    shared.withLock { shared in
      shared.interrupt = nil
      shared.actual = 0
    }
  }

  /// Gives back the pages whose numbers the driver wrote; neighbours by one call.
  private func inflate(_ chain: DescriptorChain) {
    let count = min(chain.readableBytes / 4, Self.numbersLimit)
    guard count > 0 else { return }
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: count) { numbers in
      let bytes = UnsafeMutableRawBufferPointer(numbers)
      guard unsafe chain.read(into: bytes) == bytes.count else { return }
      var start = UInt64(unsafe numbers[0])
      var end = start &+ 1
      for index in 1..<count {
        let number = UInt64(unsafe numbers[index])
        if number == end {
          end &+= 1
          continue
        }
        discard(start, end)
        start = number
        end = number &+ 1
      }
      discard(start, end)
    }
  }

  private func discard(_ start: UInt64, _ end: UInt64) {
    // A page that is not there is the driver's mistake, and harms nobody.
    memory.discard(at: start << Self.pageShift, count: (end &- start) << Self.pageShift)
  }

  /// The buffers themselves are the free pages (5.5.6.7).
  private func report(_ chain: DescriptorChain) {
    for index in unsafe chain.writable.indices { unsafe memory.discard(chain.writable[index]) }
  }
}
