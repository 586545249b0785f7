internal import CLinux

extension FileServer {
  /// The longest READ and WRITE: 256 pages, what kernels allow without being told otherwise.
  static let longestTransfer = 1 << 20

  /// Among the agreed flags: the guest's kernel takes set-group-ID from the mode of a new file itself
  /// where its maker is no member of the directory's group (Linux 6.0; FUSE 7.37 is that of 6.1).
  static let guestStripsSetGroup: UInt64 = 1 << 62

  /// What this server does when the guest's kernel can (specs/file-server.md has the reasons).
  private var wanted: UInt64 {
    var flags: UInt64 = 0
    for flag in [
      FUSE_ASYNC_READ, FUSE_ATOMIC_O_TRUNC, FUSE_BIG_WRITES, FUSE_DONT_MASK,
      FUSE_DO_READDIRPLUS, FUSE_READDIRPLUS_AUTO, FUSE_ASYNC_DIO, FUSE_PARALLEL_DIROPS,
      FUSE_POSIX_ACL, FUSE_MAX_PAGES, FUSE_HANDLE_KILLPRIV_V2, FUSE_SETXATTR_EXT, FUSE_INIT_EXT,
    ] {
      flags |= UInt64(flag)
    }
    flags |= CL_FUSE_CREATE_SUPP_GROUP
    if settings.window != nil { flags |= UInt64(FUSE_MAP_ALIGNMENT) | UInt64(FUSE_HAS_INODE_DAX) }
    switch settings.cache {
    case .none: flags |= CL_FUSE_DIRECT_IO_ALLOW_MMAP
    case .auto, .always: flags |= UInt64(FUSE_AUTO_INVAL_DATA) | UInt64(FUSE_CACHE_SYMLINKS)
    }
    return flags
  }

  func initialize(_ exchange: Exchange) throws(Failure) -> Int {
    // Old kernels send less than the structure of now.
    let major = try exchange.argument(UInt32.self)
    let minor = try exchange.argument(UInt32.self, at: 4)
    let readAhead = try exchange.argument(UInt32.self, at: 8)
    var offered = UInt64(try exchange.argument(UInt32.self, at: 12))
    try exchange.needRoom(MemoryLayout<fuse_init_out>.size)
    var out = fuse_init_out()
    out.major = UInt32(FUSE_KERNEL_VERSION)
    out.minor = UInt32(FUSE_KERNEL_MINOR_VERSION)
    // A newer kernel asks again with this major version.
    if major > out.major { return try exchange.finish(out) }
    guard major == out.major, minor >= 31 else { throw Failure(EPROTO) }
    if offered & UInt64(FUSE_INIT_EXT) != 0 {
      offered |= UInt64(try exchange.argument(UInt32.self, at: 16)) << 32
    }
    // A guest that starts again knows nothing of before.
    forgetAll()
    let flags = offered & wanted
    out.flags = UInt32(truncatingIfNeeded: flags)
    out.flags2 = UInt32(truncatingIfNeeded: flags >> 32)
    out.max_readahead = readAhead
    out.max_background = 256
    out.congestion_threshold = 192
    out.max_write = UInt32(Self.longestTransfer)
    out.max_pages = UInt16(Self.longestTransfer / 4096)
    out.time_gran = 1
    if flags & UInt64(FUSE_MAP_ALIGNMENT) != 0 {
      out.map_alignment = UInt16(FileWindow.granuleShift)
    }
    // Never 0 from here on: the top bits are no flags of FUSE.
    let stripping = minor >= 37 ? Self.guestStripsSetGroup : 0
    setAgreedFlags(flags | 1 << 63 | stripping)
    return try exchange.finish(out)
  }

  func destroy(_ exchange: Exchange) throws(Failure) -> Int {
    forgetAll()
    setAgreedFlags(0)
    return try exchange.finish(0)
  }

  private func forgetAll() {
    handles.reset()
    inodes.reset(keeping: shares.count)
    clearWindow()
  }
}
