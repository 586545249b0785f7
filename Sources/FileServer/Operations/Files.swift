internal import CLinux

extension FileServer {
  func open(_ exchange: Exchange) throws(Failure) -> Int {
    let arguments = try exchange.argument(fuse_open_in.self)
    try exchange.needRoom(MemoryLayout<fuse_open_out>.size)
    let inode = try inodes.enter(exchange.header.nodeid)
    guard inode.isRegular else { throw Failure(inode.isDirectory ? EISDIR : ENXIO) }
    return try exchange.finish(
      openFile(exchange, inode, flags: arguments.flags, openFlags: arguments.open_flags))
  }

  /// Opens a regular file that the guest knows.
  func openFile(
    _ exchange: Exchange, _ inode: borrowing InodeReference, flags: UInt32,
    openFlags: UInt32
  ) throws(Failure) -> fuse_open_out {
    var hostFlags = try self.hostFlags(flags, share: inode.inode.share)
    if CInt(bitPattern: flags) & O_TRUNC != 0 {
      hostFlags |= O_TRUNC
      try keepSuid(exchange, openFlags & UInt32(FUSE_OPEN_KILL_SUIDGID) == 0)
    }
    let fd = try reopen(inode.fd, hostFlags)
    return try opened(fd, inode, flags: flags)
  }

  /// Keeps an open file, whose descriptor is taken over, and tells the guest how to cache it.
  func opened(
    _ fd: CInt, _ inode: borrowing InodeReference, flags: UInt32
  ) throws(Failure) -> fuse_open_out {
    var out = fuse_open_out()
    let isDirect = CInt(bitPattern: flags) & CInt(CL_O_DIRECT) != 0
    switch settings.cache {
    case .none: out.open_flags = UInt32(FOPEN_DIRECT_IO)
    case .auto:
      if !isDirect, isUnchanged(fd, inode) { out.open_flags = UInt32(FOPEN_KEEP_CACHE) }
    case .always: out.open_flags = UInt32(FOPEN_KEEP_CACHE)
    }
    out.open_flags |= UInt32(FOPEN_PARALLEL_DIRECT_WRITES)
    var handle = Handle()
    handle.fd = fd
    handle.share = inode.inode.share
    handle.isDirect = isDirect && settings.passesDirect
    out.fh = try handles.add(handle)
    return out
  }

  /// Whether a file is as it was when the guest opened it before, so that what the guest has of its
  /// data is right.
  ///
  /// A change within the clock's grain of an earlier look has the same time: only a time well in
  /// the past when it was seen is relied on.
  private func isUnchanged(_ fd: CInt, _ inode: borrowing InodeReference) -> Bool {
    var status = stat()
    guard unsafe cl_fstat(fd, &status) == 0 else { return false }
    let changed = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
    let isSettled = cl_realtime_ns() &- changed > 100_000_000
    let value = isSettled ? UInt64(bitPattern: changed) : 0
    return inode.exchangeChange(value) == value && value != 0
  }

  /// The flags of the guest that an open on the host has.
  ///
  /// O_APPEND, O_SYNC and O_DSYNC come with each write instead: they can change while a file is
  /// open, and pages that are written back must not be appended.
  func hostFlags(_ flags: UInt32, share: UInt16) throws(Failure) -> CInt {
    let flags = CInt(bitPattern: flags)
    var access = flags & O_ACCMODE
    // Only for ioctl; it needs both permissions.
    if access == O_ACCMODE { access = O_RDWR }
    if access != O_RDONLY || flags & O_TRUNC != 0 { try needWritable(share) }
    var result = access | flags & CInt(CL_O_NOATIME)
    if settings.passesDirect { result |= flags & CInt(CL_O_DIRECT) }
    return result
  }

  func release(_ exchange: Exchange) throws(Failure) -> Int {
    try handles.release(try exchange.argument(fuse_release_in.self).fh)
    return try exchange.finish(0)
  }

  func read(_ exchange: Exchange) throws(Failure) -> Int {
    let arguments = try exchange.argument(fuse_read_in.self)
    let handle = try handles.enterFile(arguments.fh)
    guard var offset = Int(exactly: arguments.offset) else { throw Failure(EINVAL) }
    let size = min(Int(arguments.size), exchange.room, Self.longestTransfer)
    var done = 0
    while done < size {
      // Straight into the guest's memory.
      let part = unsafe exchange.reply.vectors(
        from: Exchange.headerSize + done, size: size - done, into: exchange.vectors,
        capacity: Exchange.vectorCapacity)
      let count: Int
      do throws(Failure) {
        count = try call {
          unsafe cl_fs_preadv(handle.fd, exchange.vectors, CInt(part.count), offset)
        }
      } catch {
        if done > 0 { break }
        throw error
      }
      done += count
      offset = offset &+ count
      if count < part.bytes { break }
    }
    return exchange.finishInPlace(done)
  }

  func write(_ exchange: Exchange) throws(Failure) -> Int {
    let arguments = try exchange.argument(fuse_write_in.self)
    try exchange.needRoom(MemoryLayout<fuse_write_out>.size)
    let handle = try handles.enterFile(arguments.fh)
    // Opened for writing, and sealed since.
    try needWritable(handle.share)
    let start = Exchange.requestHeaderSize + MemoryLayout<fuse_write_in>.size
    let size = Int(arguments.size)
    guard var offset = Int(exactly: arguments.offset), size <= Int(exchange.header.len) - start
    else { throw Failure(EINVAL) }
    let writeFlags = CInt(truncatingIfNeeded: arguments.write_flags)
    try keepSuid(exchange, writeFlags & FUSE_WRITE_KILL_SUIDGID == 0)
    let isCache = writeFlags & FUSE_WRITE_CACHE != 0
    let flags = isCache ? 0 : Self.hostWriteFlags(arguments.flags)
    var done = 0
    repeat {
      let part = unsafe exchange.request.vectors(
        from: start + done, size: size - done, into: exchange.vectors,
        capacity: Exchange.vectorCapacity)
      let count: Int
      do throws(Failure) {
        count = try writeVectors(exchange, handle, part.count, offset, flags, isCache: isCache)
      } catch {
        if done > 0 { break }
        throw error
      }
      done += count
      offset = offset &+ count
      if count < part.bytes { break }
    } while done < size
    return try exchange.finish(fuse_write_out(size: UInt32(done), padding: 0))
  }

  private func writeVectors(
    _ exchange: Exchange, _ handle: borrowing HandleReference, _ count: Int,
    _ offset: Int, _ flags: CInt, isCache: Bool
  ) throws(Failure) -> Int {
    do throws(Failure) {
      return try call {
        unsafe cl_fs_pwritev2(handle.fd, exchange.vectors, CInt(count), offset, flags)
      }
    } catch {
      guard handle.isDirect, isCache, error.errno == EINVAL else { throw error }
    }
    // A page of a shared mapping, cut at the end of the file: no length for a direct write.
    let fd = try reopen(handle.fd, O_WRONLY)
    defer { _ = cl_close(fd) }
    return try call { unsafe cl_fs_pwritev2(fd, exchange.vectors, CInt(count), offset, flags) }
  }

  /// The flags of the open file in the guest that a single write has.
  private static func hostWriteFlags(_ flags: UInt32) -> CInt {
    let flags = CInt(bitPattern: flags)
    var result: CInt = 0
    if flags & O_APPEND != 0 { result |= CInt(CL_RWF_APPEND) }
    if flags & O_SYNC == O_SYNC {
      result |= CInt(CL_RWF_SYNC)
    } else if flags & O_DSYNC != 0 {
      result |= CInt(CL_RWF_DSYNC)
    }
    return result
  }

  func synchronize(_ exchange: Exchange) throws(Failure) -> Int {
    let arguments = try exchange.argument(fuse_fsync_in.self)
    let isDirectory = exchange.header.opcode == FUSE_FSYNCDIR.rawValue
    let handle =
      isDirectory
      ? try handles.enterDirectory(arguments.fh) : try handles.enterFile(arguments.fh)
    let isDataOnly = arguments.fsync_flags & UInt32(FUSE_FSYNC_FDATASYNC) != 0
    try call { isDataOnly ? cl_fs_fdatasync(handle.fd) : cl_fsync(handle.fd) }
    return try exchange.finish(0)
  }

  func synchronizeFileSystem(_ exchange: Exchange) throws(Failure) -> Int {
    let inode = try inodes.enter(exchange.header.nodeid)
    try synchronizeFileSystem(inode)
    return try exchange.finish(0)
  }

  /// Writes out the file system of an inode that can be opened.
  func synchronizeFileSystem(_ inode: borrowing InodeReference) throws(Failure) {
    guard inode.isRegular || inode.isDirectory, !isReadOnly(inode.inode.share) else { return }
    let fd = try reopen(inode.fd, O_RDONLY)
    defer { _ = cl_close(fd) }
    try call { cl_fs_syncfs(fd) }
  }

  func allocate(_ exchange: Exchange) throws(Failure) -> Int {
    let arguments = try exchange.argument(fuse_fallocate_in.self)
    let handle = try handles.enterFile(arguments.fh)
    try needWritable(handle.share)
    guard let offset = Int64(exactly: arguments.offset),
      let length = Int64(exactly: arguments.length)
    else { throw Failure(EFBIG) }
    // No flag says whether the caller keeps set-user-ID: root does.
    try keepSuid(exchange, exchange.header.uid == 0)
    try call {
      cl_fallocate(handle.fd, CInt(bitPattern: arguments.mode), offset, length)
    }
    return try exchange.finish(0)
  }

  func seek(_ exchange: Exchange) throws(Failure) -> Int {
    let arguments = try exchange.argument(fuse_lseek_in.self)
    let whence = CInt(truncatingIfNeeded: arguments.whence)
    // The other origins are the guest kernel's own matter.
    guard whence == SEEK_DATA || whence == SEEK_HOLE else { throw Failure(EINVAL) }
    guard let offset = Int(exactly: arguments.offset) else { throw Failure(ENXIO) }
    let handle = try handles.enterFile(arguments.fh)
    let result = try call { cl_fs_lseek(handle.fd, offset, whence) }
    return try exchange.finish(fuse_lseek_out(offset: UInt64(result)))
  }

  func copyRange(_ exchange: Exchange) throws(Failure) -> Int {
    let arguments = try exchange.argument(fuse_copy_file_range_in.self)
    try exchange.needRoom(MemoryLayout<fuse_write_out>.size)
    guard arguments.flags == 0, let from = Int(exactly: arguments.off_in),
      let to = Int(exactly: arguments.off_out)
    else { throw Failure(EINVAL) }
    let source = try handles.enterFile(arguments.fh_in)
    let target = try handles.enterFile(arguments.fh_out)
    try needWritable(target.share)
    try keepSuid(exchange, exchange.header.uid == 0)
    // Bounded, so that one request does not keep its thread for long; the guest asks for the rest.
    let length = Int(min(arguments.len, 1 << 30))
    let count = try call { cl_fs_copy_file_range(source.fd, from, target.fd, to, length) }
    return try exchange.finish(fuse_write_out(size: UInt32(count), padding: 0))
  }
}
