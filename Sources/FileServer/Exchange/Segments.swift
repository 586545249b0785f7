internal import CLinux

/// The readable or the writable part of a request in guest memory: as one sequence of bytes.
///
/// The guest may change the bytes at any time: what decides anything is copied once, then read.
@safe struct Segments {
  private let segments: UnsafeBufferPointer<UnsafeMutableRawBufferPointer>
  let count: Int

  init(_ segments: UnsafeBufferPointer<UnsafeMutableRawBufferPointer>) {
    unsafe self.segments = unsafe segments
    var count = 0
    for index in 0..<segments.count { count &+= unsafe segments[index].count }
    self.count = max(0, count)
  }

  /// Copies bytes from `offset` on; the number copied, less than `size` only at the end.
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
      if part <= 0 { break }
      unsafe memcpy(target + done, segment.baseAddress! + skip, part)
      done += part
      skip = 0
    }
    return done
  }

  /// Writes bytes to `offset` on; the number written, less than `size` only at the end.
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
      if part <= 0 { break }
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
