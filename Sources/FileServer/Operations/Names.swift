internal import CLinux

extension FileServer {
  /// Makes a file as `body` does and tells the guest of it.
  private func make(
    _ exchange: Exchange, _ name: UnsafePointer<CChar>, umask: UInt32,
    extensionsAt offset: Int, _ body: (CInt) -> CInt
  ) throws(Failure) -> Int {
    try exchange.needRoom(MemoryLayout<fuse_entry_out>.size)
    let parent = try inodes.enter(exchange.header.nodeid)
    let directory = try parent.directory()
    try needWritable(directory.share)
    let place = try inodes.place()
    _ = try asCaller(exchange, umask: umask, extensionsAt: offset) { () throws(Failure) in
      try call { body(directory.fd) }
    }
    return try exchange.finish(entry(unsafe findNew(name, in: directory, place)))
  }

  func makeNode(_ exchange: Exchange) throws(Failure) -> Int {
    let arguments = try exchange.argument(fuse_mknod_in.self)
    let start = MemoryLayout<fuse_mknod_in>.size
    let name = try unsafe exchange.name(at: start)
    let mode = arguments.mode & 0o177777
    switch mode & UInt32(S_IFMT) {
    case UInt32(S_IFREG), UInt32(S_IFIFO), UInt32(S_IFSOCK), UInt32(S_IFCHR), UInt32(S_IFBLK):
      break
    default: throw Failure(EINVAL)
    }
    return try unsafe make(
      exchange, name.pointer, umask: arguments.umask, extensionsAt: start + name.length + 1
    ) {
      unsafe cl_mknodat($0, name.pointer, mode, cl_fs_decode_device(arguments.rdev))
    }
  }

  func makeDirectory(_ exchange: Exchange) throws(Failure) -> Int {
    let arguments = try exchange.argument(fuse_mkdir_in.self)
    let start = MemoryLayout<fuse_mkdir_in>.size
    let name = try unsafe exchange.name(at: start)
    return try unsafe make(
      exchange, name.pointer, umask: arguments.umask, extensionsAt: start + name.length + 1
    ) { unsafe cl_mkdirat($0, name.pointer, arguments.mode & 0o7777) }
  }

  func makeSymbolicLink(_ exchange: Exchange) throws(Failure) -> Int {
    let name = try unsafe exchange.name(at: 0)
    let start = unsafe name.length + 1
    let target = try unsafe exchange.text(at: start, limit: Int(PATH_MAX) - 1)
    return try unsafe make(
      exchange, name.pointer, umask: 0, extensionsAt: start + target.length + 1
    ) { unsafe cl_symlinkat(target.pointer, $0, name.pointer) }
  }

  func create(_ exchange: Exchange) throws(Failure) -> Int {
    let arguments = try exchange.argument(fuse_create_in.self)
    let start = MemoryLayout<fuse_create_in>.size
    let name = try unsafe exchange.name(at: start)
    try exchange.needRoom(MemoryLayout<fuse_entry_out>.size + MemoryLayout<fuse_open_out>.size)
    let parent = try inodes.enter(exchange.header.nodeid)
    let directory = try parent.directory()
    try needWritable(directory.share)
    let flags = try hostFlags(arguments.flags, share: directory.share)
    let place = try inodes.place()
    try handles.slots.needOne()
    // Exclusive always: what exists may be anything, and opening it could wait or act.
    let fd: CInt
    do throws(Failure) {
      fd = try asCaller(
        exchange, umask: arguments.umask, extensionsAt: unsafe start + name.length + 1
      ) { () throws(Failure) in
        try call {
          unsafe cl_openat(
            directory.fd, name.pointer, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
            arguments.mode & 0o7777)
        }
      }
    } catch {
      guard error.errno == EEXIST, CInt(bitPattern: arguments.flags) & O_EXCL == 0 else {
        throw error
      }
      return try unsafe openExisting(exchange, name.pointer, directory, place, arguments)
    }
    return try finishCreated(exchange, fd, directory, place, flags: arguments.flags)
  }

  /// Opens what somebody else made before the guest could.
  private func openExisting(
    _ exchange: Exchange, _ name: UnsafePointer<CChar>, _ directory: Directory,
    _ place: consuming Place, _ arguments: fuse_create_in
  ) throws(Failure) -> Int {
    let found: Found
    if let known = try unsafe findKnown(name, in: directory) {
      found = known
    } else {
      found = try unsafe findNew(name, in: directory, place)
    }
    do throws(Failure) {
      // The guest's kernel looks the name up again and follows what it finds.
      guard found.inode.type == UInt32(S_IFREG) else { throw Failure(ESTALE) }
      let inode = try inodes.enter(found.id)
      let out = try openFile(
        exchange, inode, flags: arguments.flags, openFlags: arguments.open_flags)
      return try finish(exchange, found, out)
    } catch {
      inodes.forget(found.id, 1)
      throw error
    }
  }

  /// Tells the guest of a new file that it has open from the start; the descriptor is taken over.
  private func finishCreated(
    _ exchange: Exchange, _ fd: CInt, _ directory: Directory, _ place: consuming Place,
    flags: UInt32
  ) throws(Failure) -> Int {
    let found: Found
    do throws(Failure) {
      found = try adopt(try reopen(fd, CInt(CL_O_PATH)), in: directory, place)
    } catch {
      _ = cl_close(fd)
      throw error
    }
    do throws(Failure) {
      let inode: InodeReference
      do throws(Failure) {
        inode = try inodes.enter(found.id)
      } catch {
        _ = cl_close(fd)
        throw error
      }
      return try finish(exchange, found, try opened(fd, inode, flags: flags))
    } catch {
      inodes.forget(found.id, 1)
      throw error
    }
  }

  private func finish(
    _ exchange: Exchange, _ found: borrowing Found, _ out: fuse_open_out
  ) throws(Failure) -> Int {
    let size = MemoryLayout<fuse_entry_out>.size
    unsafe exchange.body.storeBytes(of: entry(found), as: fuse_entry_out.self)
    unsafe (exchange.body + size).storeBytes(of: out, as: fuse_open_out.self)
    return try exchange.finish(size + MemoryLayout<fuse_open_out>.size)
  }

  func makeTemporary(_ exchange: Exchange) throws(Failure) -> Int {
    let arguments = try exchange.argument(fuse_create_in.self)
    let start = MemoryLayout<fuse_create_in>.size
    // The name says nothing.
    let name = try unsafe exchange.text(at: start, limit: Int(NAME_MAX))
    try exchange.needRoom(MemoryLayout<fuse_entry_out>.size + MemoryLayout<fuse_open_out>.size)
    let parent = try inodes.enter(exchange.header.nodeid)
    let directory = try parent.directory()
    try needWritable(directory.share)
    let flags =
      try hostFlags(arguments.flags, share: directory.share)
      | CInt(bitPattern: arguments.flags) & O_EXCL
    let place = try inodes.place()
    try handles.slots.needOne()
    let fd = try asCaller(
      exchange, umask: arguments.umask, extensionsAt: unsafe start + name.length + 1
    ) { () throws(Failure) in
      try call {
        unsafe cl_openat(
          directory.fd, ".", flags | CInt(CL_O_TMPFILE) | O_CLOEXEC,
          arguments.mode & 0o7777)
      }
    }
    return try finishCreated(exchange, fd, directory, place, flags: arguments.flags)
  }

  func link(_ exchange: Exchange) throws(Failure) -> Int {
    let source = try exchange.argument(fuse_link_in.self).oldnodeid
    let name = try unsafe exchange.name(at: MemoryLayout<fuse_link_in>.size)
    try exchange.needRoom(MemoryLayout<fuse_entry_out>.size)
    let parent = try inodes.enter(exchange.header.nodeid)
    let directory = try parent.directory()
    let inode = try inodes.enter(source)
    try needWritable(directory.share)
    guard inode.inode.share == directory.share else { throw Failure(EXDEV) }
    // Through /proc/self/fd: AT_EMPTY_PATH needs CAP_DAC_READ_SEARCH.
    unsafe try withPath(inode.fd) { path in
      unsafe cl_fs_linkat(procSelfFd, path, directory.fd, name.pointer, AT_SYMLINK_FOLLOW)
    }
    do throws(Failure) {
      return try exchange.finish(entry(unsafe find(name.pointer, in: directory)))
    } catch {
      // The link is made: not to be tried again.
      throw Failure(error.errno)
    }
  }

  func remove(_ exchange: Exchange, flags: CInt) throws(Failure) -> Int {
    let name = try unsafe exchange.name(at: 0)
    let parent = try inodes.enter(exchange.header.nodeid)
    let directory = try parent.directory()
    try needWritable(directory.share)
    try call { unsafe cl_unlinkat(directory.fd, name.pointer, flags) }
    return try exchange.finish(0)
  }

  func rename(_ exchange: Exchange, hasFlags: Bool) throws(Failure) -> Int {
    let target = try exchange.argument(fuse_rename_in.self).newdir
    var flags: UInt32 = 0
    var start = MemoryLayout<fuse_rename_in>.size
    if hasFlags {
      flags = try exchange.argument(fuse_rename2_in.self).flags
      start = MemoryLayout<fuse_rename2_in>.size
    }
    let from = try unsafe exchange.name(at: start)
    let to = try unsafe exchange.name(at: start + from.length + 1)
    let parent = try inodes.enter(exchange.header.nodeid)
    let source = try parent.directory()
    try needWritable(source.share)
    guard target != UInt64(FUSE_ROOT_ID) else { throw Failure(EXDEV) }
    let otherParent = try inodes.enter(target)
    let other = try otherParent.directory()
    try needWritable(other.share)
    guard source.share == other.share else { throw Failure(EXDEV) }
    try call {
      unsafe cl_fs_renameat2(source.fd, from.pointer, other.fd, to.pointer, flags)
    }
    return try exchange.finish(0)
  }
}
