internal import CLinux

extension GuestMemory {
  /// Gives memory back to the host: what is there reads as zeros from now on.
  ///
  /// Only the whole pages of the range are given back; false when it is not all in one region, or
  /// the kernel refuses.
  @discardableResult
  public func discard(at address: UInt64, count: UInt64) -> Bool {
    let page: UInt64 = 4096
    for region in regions {
      guard address >= region.guestAddress else { continue }
      let offset = address &- region.guestAddress
      guard offset < region.size, count <= region.size &- offset else { continue }
      // Both are at most the region's size, far from overflow.
      let start = (offset &+ page &- 1) & ~(page &- 1)
      let end = (offset &+ count) & ~(page &- 1)
      guard start < end else { return true }
      return region.discard(offset: start, count: end &- start)
    }
    return false
  }

  /// As `discard(at:count:)`, for a range that `slice` lent.
  @discardableResult
  public func discard(_ range: UnsafeMutableRawBufferPointer) -> Bool {
    let start = UInt(bitPattern: range.baseAddress)
    for region in regions {
      let base = UInt(bitPattern: unsafe region.base)
      guard start >= base, UInt64(start &- base) < region.size else { continue }
      return discard(
        at: region.guestAddress &+ UInt64(start &- base), count: UInt64(range.count))
    }
    return false
  }
}

extension GuestMemory.Region {
  /// `offset` and `count` are whole pages inside of the region.
  fileprivate func discard(offset: UInt64, count: UInt64) -> Bool {
    if fd < 0 { return unsafe cl_madvise(base + Int(offset), Int(count), MADV_DONTNEED) == 0 }
    // Of a shared file only a hole gives memory back.
    return cl_fallocate(
      fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, Int64(fileOffset &+ offset), Int64(count))
      == 0
  }
}
