internal import CLinux
public import Linux

/// The memory of a guest: the only way to it, every access checked against its regions.
///
/// The guest changes its memory at any time. Whoever decides by a value loads it once and keeps the
/// copy. The object lives as long as the virtual machine; views of it must not outlive it.
@safe public final class GuestMemory: @unchecked Sendable {
  /// A range of guest addresses and where it is mapped in this process.
  @safe public struct Region: @unchecked Sendable {
    public let guestAddress: UInt64
    public let size: UInt64
    public let base: UnsafeMutableRawPointer
    /// The file behind it and where it begins there; -1 for anonymous memory.
    public let fd: CInt
    public let fileOffset: UInt64

    /// `base` must stay mapped for `size` bytes as long as the region is used.
    public init(
      guestAddress: UInt64, size: UInt64, base: UnsafeMutableRawPointer, fd: CInt = -1,
      fileOffset: UInt64 = 0
    ) {
      self.guestAddress = guestAddress
      self.size = size
      unsafe self.base = unsafe base
      self.fd = fd
      self.fileOffset = fileOffset
    }
  }

  /// In ascending order, without overlap.
  public let regions: [Region]
  /// Addresses of the guest that are no memory: what is behind them comes and goes, and only a system
  /// call may touch it. No access but `segment` reaches them.
  public let window: Region?

  public init(regions: [Region], window: Region? = nil) {
    self.regions = regions
    self.window = window
  }

  /// The bytes of all regions together.
  public var size: UInt64 { regions.reduce(0) { $0 &+ $1.size } }

  /// The bytes at a guest address; nil unless all of them are in one region.
  ///
  /// An empty range is a valid one wherever its address is inside a region.
  @inline(__always)
  public func slice(at address: UInt64, count: UInt64) -> UnsafeMutableRawBufferPointer? {
    for region in regions {
      guard address >= region.guestAddress else { continue }
      let offset = address &- region.guestAddress
      guard offset < region.size, count <= region.size &- offset else { continue }
      return unsafe UnsafeMutableRawBufferPointer(
        start: region.base + Int(offset), count: Int(count))
    }
    return nil
  }

  /// As `slice`, in the window too: for who hands the range to the kernel and touches none of it.
  public func segment(at address: UInt64, count: UInt64) -> UnsafeMutableRawBufferPointer? {
    if let bytes = unsafe slice(at: address, count: count) { return unsafe bytes }
    guard let window, address >= window.guestAddress else { return nil }
    let offset = address &- window.guestAddress
    guard offset < window.size, count <= window.size &- offset else { return nil }
    return unsafe UnsafeMutableRawBufferPointer(
      start: window.base + Int(offset), count: Int(count))
  }

  /// Copies bytes into the guest; false, with nothing written, when they do not fit there.
  public func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) -> Bool {
    guard let target = unsafe slice(at: address, count: UInt64(bytes.count)) else { return false }
    unsafe target.copyMemory(from: bytes)
    return true
  }

  /// As `write` of a buffer.
  public func write(_ bytes: [UInt8], at address: UInt64) -> Bool {
    unsafe bytes.withUnsafeBytes { unsafe write($0, at: address) }
  }

  /// A copy of bytes of the guest; nil when they are not all there.
  public func read(at address: UInt64, count: Int) -> [UInt8]? {
    guard count >= 0, let source = unsafe slice(at: address, count: UInt64(count)) else {
      return nil
    }
    return unsafe Array(source)
  }
}

extension GuestMemory {
  /// Where memory ends below 4 GiB; what is more lies from 4 GiB on (the devices are between).
  public static let gapStart: UInt64 = 0xc000_0000
  public static let gapEnd: UInt64 = 0x1_0000_0000

  /// Memory of `size` bytes, a multiple of 2 MiB, untouched, with huge pages where there are some.
  ///
  /// `shared` backs it with a memfd, for another process (vhost-user).
  public static func allocate(size: UInt64, shared: Bool) throws(SystemError) -> GuestMemory {
    let alignment: UInt64 = 2 << 20
    guard size > 0, size % alignment == 0, size <= 1 << 46 else {
      throw SystemError(EINVAL, "mmap", "guest memory of \(size) bytes")
    }
    var fd: CInt = -1
    if shared {
      fd = try system("memfd_create") { unsafe cl_memfd_create("guest-memory", 1) }
      try system("ftruncate", "guest memory") { cl_ftruncate(fd, Int(size)) }
    }
    // Reserved with room to align, so that the kernel can use huge pages.
    guard
      let reserved = unsafe cl_mmap(
        nil, Int(size + alignment), PROT_NONE,
        CInt(CL_MAP_PRIVATE | CL_MAP_ANONYMOUS | CL_MAP_NORESERVE), -1, 0)
    else { throw SystemError(cl_errno(), "mmap", "guest memory of \(size) bytes") }
    let base = unsafe reserved.alignedUp(toMultipleOf: Int(alignment))
    let flags = shared ? CL_MAP_SHARED : CL_MAP_PRIVATE | CL_MAP_ANONYMOUS
    guard
      unsafe cl_mmap(
        base, Int(size), PROT_READ | PROT_WRITE,
        CInt(flags | CL_MAP_FIXED | CL_MAP_NORESERVE), fd, 0)
        != nil
    else { throw SystemError(cl_errno(), "mmap", "guest memory of \(size) bytes") }
    // Without huge pages in the kernel it is slower, nothing else.
    _ = unsafe cl_madvise(base, Int(size), MADV_HUGEPAGE)
    let low = min(size, gapStart)
    var regions = [unsafe Region(guestAddress: 0, size: low, base: base, fd: fd, fileOffset: 0)]
    if size > low {
      regions.append(
        unsafe Region(
          guestAddress: gapEnd, size: size - low, base: base + Int(low), fd: fd, fileOffset: low))
    }
    return GuestMemory(regions: regions)
  }
}
