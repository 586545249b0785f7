internal import CLinux

/// Room for a header and for the parts of a packet's data, used again for each packet.
@safe final class VsockScratch: @unchecked Sendable {
  /// What one call sends or receives; longer chains take several.
  private static let vectorLimit = 64

  private let header: UnsafeMutableRawBufferPointer
  private let parts: UnsafeMutableBufferPointer<iovec>

  init() {
    unsafe header = .allocate(byteCount: VsockHeader.size, alignment: 8)
    unsafe parts = .allocate(capacity: Self.vectorLimit)
    unsafe parts.initialize(repeating: iovec())
  }

  deinit {
    unsafe header.deallocate()
    unsafe parts.deallocate()
  }

  /// The header of a packet of the guest, copied once; nil when the chain is shorter.
  func readHeader(_ chain: DescriptorChain) -> VsockHeader? {
    guard unsafe chain.read(into: header) == VsockHeader.size else { return nil }
    return unsafe VsockHeader(UnsafeRawBufferPointer(header))
  }

  /// Puts a header before the data of a packet to the guest; the number of bytes written.
  func write(_ packet: VsockHeader, guestCID: UInt32, to chain: DescriptorChain) -> Int {
    var packet = packet
    packet.sourceCID = VsockDevice.hostCID
    packet.targetCID = UInt64(guestCID)
    unsafe packet.store(into: header)
    return unsafe chain.write(UnsafeRawBufferPointer(header))
  }

  /// The parts of `segments` that hold `limit` bytes from `offset` on, or the first of those.
  ///
  /// It is not empty, and valid until the next use.
  func vectors(
    _ segments: Segments, skipping offset: Int, limit: Int
  ) -> UnsafeMutableBufferPointer<iovec> {
    var count = 0
    var skipped = offset
    var left = limit
    for index in segments.indices {
      let segment = unsafe segments[index]
      if left == 0 || count == Self.vectorLimit { break }
      if skipped >= segment.count {
        skipped -= segment.count
        continue
      }
      let length = min(left, segment.count - skipped)
      unsafe parts[count] = iovec(iov_base: segment.baseAddress! + skipped, iov_len: length)
      skipped = 0
      left -= length
      count += 1
    }
    return unsafe UnsafeMutableBufferPointer(rebasing: parts[..<count])
  }
}
