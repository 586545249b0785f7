internal import CLinux

/// What a name stands for: the guest's number for it, told once more, and the attributes.
struct Found {
  let id: UInt64
  let inode: Inode
  let status: statx
}

extension FileServer {
  func lookup(_ exchange: Exchange) throws(Failure) -> Int {
    let name = try unsafe exchange.name(at: 0)
    try exchange.needRoom(MemoryLayout<fuse_entry_out>.size)
    let parent = try inodes.enter(exchange.header.nodeid)
    let directory = try parent.directory()
    let found: Found
    do throws(Failure) {
      found = try unsafe find(name.pointer, in: directory)
    } catch {
      guard error.errno == ENOENT, settings.cache != .none else { throw error }
      // The guest may remember that there is none.
      var out = fuse_entry_out()
      out.entry_valid = validity.seconds
      return try exchange.finish(out)
    }
    return try exchange.finish(entry(found))
  }

  /// The inode of a name, counted as told to the guest.
  func find(
    _ name: UnsafePointer<CChar>, in directory: Directory
  ) throws(Failure) -> Found {
    if let found = try unsafe findKnown(name, in: directory) { return found }
    return try unsafe findNew(name, in: directory, try inodes.place())
  }

  /// The inode of a name that the guest knows, counted as told once more; nil for one that it does not.
  func findKnown(
    _ name: UnsafePointer<CChar>, in directory: Directory
  ) throws(Failure) -> Found? {
    var status = statx()
    try call {
      unsafe cl_fs_statx(
        directory.fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, UInt32(CL_STATX_NEEDED),
        &status)
    }
    var inode = Inode(status, fd: -1, share: directory.share)
    guard let id = inodes.find(&inode) else { return nil }
    return Found(id: id, inode: inode, status: status)
  }

  /// The inode of a name that the guest probably does not know yet, counted as told to it.
  func findNew(
    _ name: UnsafePointer<CChar>, in directory: Directory, _ place: consuming Place
  ) throws(Failure) -> Found {
    // Only the descriptor says what it is of: the name may be another's by now.
    let fd = try call {
      unsafe cl_openat(
        directory.fd, name, CInt(CL_O_PATH) | O_NOFOLLOW | O_CLOEXEC, 0)
    }
    return try adopt(fd, in: directory, place)
  }

  /// The inode of a new O_PATH descriptor, which is taken over, counted as told to the guest.
  func adopt(
    _ fd: CInt, in directory: Directory, _ place: consuming Place
  ) throws(Failure) -> Found {
    let status: statx
    var inode: Inode
    do throws(Failure) {
      status = try self.status(fd)
      inode = Inode(status, fd: fd, share: directory.share)
      try locate(&inode, in: directory)
    } catch {
      _ = cl_close(fd)
      throw error
    }
    let id = inodes.add(&inode, in: place)
    return Found(id: id, inode: inode, status: status)
  }

  /// Finds out whether another file system begins at a new inode.
  private func locate(_ inode: inout Inode, in directory: Directory) throws(Failure) {
    inode.salt = directory.salt
    if inode.mount != directory.mount, !Self.isServed(inode.fd) { throw Failure(EACCES) }
    if inode.device != directory.device { inode.salt = inodes.salt(of: inode.device) }
  }

  /// The answer that tells the guest of an inode.
  func entry(_ found: borrowing Found, validity: Validity? = nil) -> fuse_entry_out {
    let validity = validity ?? self.validity
    var out = fuse_entry_out()
    out.nodeid = found.id
    out.entry_valid = validity.seconds
    out.attr_valid = attributeSeconds(found.status)
    out.attr = attributes(found.status, salt: found.inode.salt)
    return out
  }

  func forget(_ exchange: Exchange) throws(Failure) -> Int {
    let count = try exchange.argument(fuse_forget_in.self).nlookup
    inodes.forget(exchange.header.nodeid, count)
    return 0
  }

  func batchForget(_ exchange: Exchange) throws(Failure) -> Int {
    let count = Int(try exchange.argument(fuse_batch_forget_in.self).count)
    let size = MemoryLayout<fuse_forget_one>.size
    let first = MemoryLayout<fuse_batch_forget_in>.size
    for index in 0..<count {
      // Ends at the end of the request, whatever its count says.
      let one = try exchange.argument(fuse_forget_one.self, at: first + index * size)
      inodes.forget(one.nodeid, one.nlookup)
    }
    return 0
  }

  func readLink(_ exchange: Exchange) throws(Failure) -> Int {
    let inode = try inodes.enter(exchange.header.nodeid)
    guard inode.inode.type == UInt32(S_IFLNK) else { throw Failure(EINVAL) }
    let size = min(exchange.room, Int(PATH_MAX))
    guard size > 0 else { throw Failure(EINVAL) }
    let target = unsafe exchange.body.assumingMemoryBound(to: CChar.self)
    let length = try call { unsafe cl_readlinkat(inode.fd, "", target, size) }
    return try exchange.finish(length)
  }
}
