internal import CLinux
public import Linux

/// The DAX window: memory of this process, given to a guest behind its own, in which it has the server
/// map files (virtio 1.2, 5.11.4).
///
/// Nothing is there until it is mapped, and what is behind a file's end is not either: touching it
/// by anything but a system call ends the process. All of it is mapped in granules, so that the guest
/// can't use up the host's mappings.
@safe public final class FileWindow: @unchecked Sendable {
  public let base: UnsafeMutableRawPointer
  /// In bytes, a multiple of `granule`.
  public let size: Int
  private let granules: Locked<[Granule]>
  private let reservation: UnsafeMutableRawPointer

  /// What is mapped in one unit of the window.
  private struct Granule {
    var share: UInt16 = 0
    var isWritable = false
  }

  /// The unit of offsets and lengths, as a power of two: that in which Linux maps.
  static let granuleShift = 21
  public static let granule = 1 << granuleShift
  /// Half as many mappings as Linux lets a process have by default.
  public static let largestSize = 32 << 30

  /// Address space alone. An error is EINVAL for a size that is no multiple of `granule`, none, or
  /// too large; or what the kernel says.
  public init(size: Int) throws(SystemError) {
    guard size > 0, size % Self.granule == 0, size <= Self.largestSize else {
      throw SystemError(EINVAL, "mmap", "window of \(size) bytes")
    }
    guard let reserved = unsafe Self.reserve(nil, size + Self.granule) else {
      throw SystemError(cl_errno(), "mmap", "window of \(size) bytes")
    }
    unsafe reservation = reserved
    // As aligned as the guest's addresses are: the host's huge pages are the guest's too.
    unsafe base = reserved.alignedUp(toMultipleOf: Self.granule)
    self.size = size
    granules = Locked(Array(repeating: Granule(), count: size >> Self.granuleShift))
  }

  deinit { _ = unsafe cl_munmap(reservation, size + Self.granule) }

  /// Maps a part of a file; what was there before is replaced.
  ///
  /// `isAllowed` is asked while no other thread changes the window.
  func map(
    _ fd: CInt, from fileOffset: UInt64, at offset: UInt64, length: UInt64, share: UInt16,
    isWritable: Bool, isAllowed: () -> Bool
  ) throws(Failure) {
    let range = try granules(offset, length)
    let (end, isTooFar) = fileOffset.addingReportingOverflow(length)
    guard fileOffset % UInt64(Self.granule) == 0, !isTooFar, end <= UInt64(Int64.max) else {
      throw Failure(EINVAL)
    }
    try granules.withLock { granules throws(Failure) in
      guard isAllowed() else { throw Failure(EROFS) }
      // A file that can't be mapped is found out beside the window.
      let mapped = unsafe cl_mmap(
        nil, Int(length), isWritable ? PROT_READ | PROT_WRITE : PROT_READ, CInt(CL_MAP_SHARED), fd,
        Int64(fileOffset))
      guard let mapped = unsafe mapped else { throw Failure(Self.refusal(cl_errno())) }
      let target = unsafe base + range.lowerBound << Self.granuleShift
      let moved = unsafe cl_move_mapping(mapped, Int(length), target)
      if moved != 0 { Self.loseWindow(SystemError(-moved, "mremap", "DAX window")) }
      for index in range { granules[index] = Granule(share: share, isWritable: isWritable) }
    }
  }

  /// Takes what is mapped out of a part of the window, also where nothing is.
  func remove(at offset: UInt64, length: UInt64) throws(Failure) {
    let range = try granules(offset, length)
    try granules.withLock { granules throws(Failure) in
      unsafe empty(base + range.lowerBound << Self.granuleShift, Int(length))
      for index in range { granules[index] = Granule() }
    }
  }

  /// Takes all out of it.
  func clear() {
    // All of the window is a range of it.
    try? remove(at: 0, length: UInt64(size))
  }

  /// From now on nothing can be written to a share's files here.
  func protect(share: UInt16) {
    granules.withLock { granules in
      for index in granules.indices
      where granules[index].isWritable && granules[index].share == share {
        let start = unsafe base + index << Self.granuleShift
        // A mapping that can't be changed is better gone.
        if unsafe cl_mprotect(start, Self.granule, PROT_READ) != 0 {
          unsafe empty(start, Self.granule)
        }
        granules[index].isWritable = false
      }
    }
  }

  /// The units of a range; EINVAL when it is empty, has parts of units, or is not inside.
  private func granules(_ offset: UInt64, _ length: UInt64) throws(Failure) -> Range<Int> {
    let unit = UInt64(Self.granule)
    guard offset % unit == 0, length % unit == 0, length > 0, offset < UInt64(size),
      length <= UInt64(size) &- offset
    else { throw Failure(EINVAL) }
    let first = Int(offset / unit)
    return first..<first + Int(length / unit)
  }

  /// Puts a reservation in place of what is mapped in a part of the window.
  private func empty(_ start: UnsafeMutableRawPointer, _ length: Int) {
    if unsafe Self.reserve(start, length) == nil {
      Self.loseWindow(SystemError(cl_errno(), "mmap", "DAX window"))
    }
  }

  /// Ends the process: a call that was to replace a part of the window may have left a hole, where the
  /// next memory of this process would be the guest's too.
  private static func loseWindow(_ error: SystemError) -> Never {
    try? FileDescriptor.writeAll(2, Array("swrun: virtual machine: \(error)\n".utf8))
    cl_exit(1)
  }

  /// Address space with nothing in it: anywhere, or in place of what is at an address.
  private static func reserve(
    _ address: UnsafeMutableRawPointer?, _ size: Int
  ) -> UnsafeMutableRawPointer? {
    let place = unsafe address == nil ? 0 : CL_MAP_FIXED
    return unsafe cl_mmap(
      address, size, PROT_NONE,
      CInt(CL_MAP_PRIVATE | CL_MAP_ANONYMOUS | CL_MAP_NORESERVE | place), -1, 0)
  }

  /// As `call` has it: what is the host's own limit is a full system for the guest.
  private static func refusal(_ errno: CInt) -> CInt {
    switch errno {
    case ENOMEM, EAGAIN: ENFILE
    case ENOSYS: EOPNOTSUPP
    default: errno
    }
  }
}
