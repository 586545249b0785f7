internal import CLinux

/// The readable or the writable part of a request in guest memory: as one sequence of bytes.
///
/// The guest may change the bytes at any time: what decides anything is copied once, then read.
/// Segments in the DAX window are for system calls alone, which survive what is not there.
@safe struct Segments {
  private let segments: UnsafeBufferPointer<UnsafeMutableRawBufferPointer>
  // As numbers, which are copied with less work than a reference.
  private let windowStart: UInt
  private let windowSize: UInt
  let count: Int

  init(
    _ segments: UnsafeBufferPointer<UnsafeMutableRawBufferPointer>, window: FileWindow? = nil
  ) {
    unsafe self.segments = unsafe segments
    windowStart = unsafe UInt(bitPattern: window?.base)
    windowSize = UInt(window?.size ?? 0)
    var count = 0
    for index in 0..<segments.count { count &+= unsafe segments[index].count }
    self.count = max(0, count)
  }

  /// Whether bytes of a segment are never to be touched here.
  @inline(__always)
  private func isUntouchable(_ segment: UnsafeMutableRawBufferPointer) -> Bool {
    UInt(bitPattern: segment.baseAddress) &- windowStart < windowSize
  }

  /// Copies bytes from `offset` on; the number copied, less than `size` only at the end or where a
  /// segment of the window begins.
  func copy(from offset: Int, size: Int, to target: UnsafeMutableRawPointer) -> Int {
    var skip = offset
    var done = 0
    for index in unsafe 0..<segments.count {
      let segment = unsafe segments[index]
      if skip >= segment.count {
        skip -= segment.count
        continue
      }
      let part = min(segment.count - skip, size - done)
      if unsafe part <= 0 || isUntouchable(segment) { break }
      unsafe memcpy(target + done, segment.baseAddress! + skip, part)
      done += part
      skip = 0
    }
    return done
  }

  /// Writes bytes to `offset` on; the number written, less than `size` only at the end or where a
  /// segment of the window begins.
  func write(_ source: UnsafeRawPointer, size: Int, at offset: Int) -> Int {
    var skip = offset
    var done = 0
    for index in unsafe 0..<segments.count {
      let segment = unsafe segments[index]
      if skip >= segment.count {
        skip -= segment.count
        continue
      }
      let part = min(segment.count - skip, size - done)
      if unsafe part <= 0 || isUntouchable(segment) { break }
      unsafe memcpy(segment.baseAddress! + skip, source + done, part)
      done += part
      skip = 0
    }
    return done
  }

  /// Describes at most `size` bytes from `offset` on for readv and writev; how many, and in how
  /// many vectors.
  func vectors(
    from offset: Int, size: Int, into vectors: UnsafeMutablePointer<iovec>, capacity: Int
  ) -> (bytes: Int, count: Int) {
    var skip = offset
    var bytes = 0
    var count = 0
    for index in unsafe 0..<segments.count {
      if count == capacity { break }
      let segment = unsafe segments[index]
      if skip >= segment.count {
        skip -= segment.count
        continue
      }
      let part = min(segment.count - skip, size - bytes)
      if part <= 0 { break }
      unsafe vectors[count] = unsafe iovec(iov_base: segment.baseAddress! + skip, iov_len: part)
      bytes += part
      count += 1
      skip = 0
    }
    return (bytes, count)
  }
}
