internal import CLinux

/// Files in the DAX window (FUSE_SETUPMAPPING, FUSE_REMOVEMAPPING).
extension FileServer {
  /// Smaller files come by READ: one request then brings all of it, and the guest keeps it.
  static let smallestMapped: UInt64 = 64 << 10

  /// Whether the guest's kernel maps files.
  public var usesWindow: Bool { has(UInt64(FUSE_MAP_ALIGNMENT)) }

  /// What `fuse_attr` says of a file that the guest should map.
  ///
  /// Not one with set-user-ID or set-group-ID: a write to a mapping takes them away from none.
  func mappingFlags(_ status: borrowing statx) -> UInt32 {
    guard settings.window != nil, has(UInt64(FUSE_HAS_INODE_DAX)) else { return 0 }
    let mode = UInt32(status.stx_mode)
    guard mode & UInt32(S_IFMT) == UInt32(S_IFREG), mode & UInt32(S_ISUID | S_ISGID) == 0,
      status.stx_size >= settings.smallestMapped
    else { return 0 }
    return UInt32(FUSE_ATTR_DAX)
  }

  func setUpMapping(_ exchange: Exchange) throws(Failure) -> Int {
    let arguments = try exchange.argument(fuse_setupmapping_in.self)
    let window = try self.window
    let inode = try inodes.enter(exchange.header.nodeid)
    guard inode.isRegular else { throw Failure(EINVAL) }
    let writes = UInt64(CL_FUSE_SETUPMAPPING_FLAG_WRITE)
    guard arguments.flags & ~(writes | UInt64(CL_FUSE_SETUPMAPPING_FLAG_READ)) == 0 else {
      throw Failure(EINVAL)
    }
    let isWritable = arguments.flags & writes != 0
    let share = inode.inode.share
    if isWritable { try needWritable(share) }
    // Linux has no handle for it: its mappings are the inode's.
    let fd = try reopen(inode.fd, isWritable ? O_RDWR : O_RDONLY)
    defer { _ = cl_close(fd) }
    try window.map(
      fd, from: arguments.foffset, at: arguments.moffset, length: arguments.len, share: share,
      isWritable: isWritable
    ) {
      // Asked again: `makeReadOnly` comes from another thread.
      !isWritable || !isReadOnly(share)
    }
    return try exchange.finish(0)
  }

  func removeMappings(_ exchange: Exchange) throws(Failure) -> Int {
    let count = Int(try exchange.argument(fuse_removemapping_in.self).count)
    let window = try self.window
    let size = MemoryLayout<fuse_removemapping_one>.size
    let first = MemoryLayout<fuse_removemapping_in>.size
    for index in 0..<count {
      // Ends at the end of the request, whatever its count says.
      let one = try exchange.argument(fuse_removemapping_one.self, at: first + index * size)
      try window.remove(at: one.moffset, length: one.len)
    }
    return try exchange.finish(0)
  }

  private var window: FileWindow {
    get throws(Failure) {
      guard let window = settings.window, usesWindow else { throw Failure(ENOSYS) }
      return window
    }
  }

  /// Takes all files out of the window: the guest has reset the device.
  public func clearWindow() { settings.window?.clear() }
}
