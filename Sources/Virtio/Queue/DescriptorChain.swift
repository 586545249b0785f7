/// Ranges of guest memory, in the driver's order.
public typealias Segments = UnsafeBufferPointer<UnsafeMutableRawBufferPointer>

/// The buffers of one request, lent by the driver until the chain is completed: first those that
/// the device reads, then those that it writes (virtio 1.2, 2.7.4.2).
///
/// Every segment lies in guest memory. Its bytes change at any time: copy what is decided on.
/// Objects are used again by their queue; nobody keeps one after `complete`.
@safe public final class DescriptorChain: @unchecked Sendable {
  /// Whether the device has it now.
  var isLent = false

  private var number: UInt16 = 0
  private var bytesToRead = 0
  private var bytesToWrite = 0
  private var segments: UnsafeMutablePointer<UnsafeMutableRawBufferPointer>
  private var capacity: Int
  private var readableCount = 0
  private var writableCount = 0

  init() {
    // As many as the usual request has; a longer one grows the object once.
    capacity = 32
    unsafe segments = .allocate(capacity: capacity)
  }

  deinit { unsafe segments.deallocate() }

  /// The driver's number of the chain.
  public var head: UInt16 { number }

  /// The sum of the readable segments, in bytes.
  public var readableBytes: Int { bytesToRead }

  /// The sum of the writable segments, in bytes.
  public var writableBytes: Int { bytesToWrite }

  /// What the device reads: no segment is empty.
  public var readable: Segments {
    unsafe Segments(start: segments, count: readableCount)
  }

  /// What the device writes: no segment is empty.
  public var writable: Segments {
    unsafe Segments(start: segments + readableCount, count: writableCount)
  }

  func clear(head: UInt16) {
    number = head
    bytesToRead = 0
    bytesToWrite = 0
    readableCount = 0
    writableCount = 0
  }

  /// The caller has checked the order and that all bytes together are below 4 GiB.
  func append(_ segment: UnsafeMutableRawBufferPointer, writable: Bool) {
    let used = readableCount + writableCount
    if used == capacity { grow() }
    unsafe (segments + used).initialize(to: segment)
    if writable {
      writableCount += 1
      bytesToWrite += segment.count
    } else {
      readableCount += 1
      bytesToRead += segment.count
    }
  }

  private func grow() {
    let larger = UnsafeMutablePointer<UnsafeMutableRawBufferPointer>.allocate(
      capacity: capacity * 4)
    unsafe larger.moveInitialize(from: segments, count: capacity)
    unsafe segments.deallocate()
    unsafe segments = larger
    capacity *= 4
  }
}

extension DescriptorChain {
  /// Copies what the driver wrote, from byte `offset` of the readable segments on; the number of
  /// bytes copied, less than the buffer's when there are no more.
  public func read(into buffer: UnsafeMutableRawBufferPointer, from offset: Int = 0) -> Int {
    var copied = 0
    unsafe Self.each(readable, from: offset, count: buffer.count) { part in
      unsafe (buffer.baseAddress! + copied).copyMemory(
        from: part.baseAddress!, byteCount: part.count)
      copied += part.count
    }
    return copied
  }

  /// Copies to the driver, from byte `offset` of the writable segments on; the number of bytes
  /// copied, less than the buffer's when there is no more room.
  public func write(_ buffer: UnsafeRawBufferPointer, at offset: Int = 0) -> Int {
    var copied = 0
    unsafe Self.each(writable, from: offset, count: buffer.count) { part in
      unsafe part.baseAddress!.copyMemory(
        from: buffer.baseAddress! + copied, byteCount: part.count)
      copied += part.count
    }
    return copied
  }

  /// The parts of `segments` that hold the bytes `offset ..< offset + count`, none of them empty.
  private static func each(
    _ segments: Segments, from offset: Int, count: Int,
    _ body: (UnsafeMutableRawBufferPointer) -> Void
  ) {
    guard offset >= 0 else { return }
    var skipped = offset
    var left = count
    for index in segments.indices {
      let segment = unsafe segments[index]
      if left == 0 { return }
      if skipped >= segment.count {
        skipped -= segment.count
        continue
      }
      let length = Swift.min(left, segment.count - skipped)
      unsafe body(UnsafeMutableRawBufferPointer(rebasing: segment[skipped..<skipped + length]))
      skipped = 0
      left -= length
    }
  }
}
