internal import CLinux

/// The root of the guest's mount: a directory of this server's own, with the shares as entries.
extension FileServer {
  func answerRoot(_ exchange: Exchange, _ opcode: fuse_opcode) throws(Failure) -> Int {
    switch opcode {
    case FUSE_LOOKUP: return try lookupShare(exchange)
    case FUSE_GETATTR:
      var out = fuse_attr_out()
      out.attr_valid = Validity.forever.seconds
      out.attr = rootAttributes
      return try exchange.finish(out)
    case FUSE_OPENDIR: return try exchange.finish(fuse_open_out())
    case FUSE_READDIR: return try listShares(exchange, withAttributes: false)
    case FUSE_READDIRPLUS: return try listShares(exchange, withAttributes: true)
    case FUSE_RELEASEDIR, FUSE_FSYNCDIR: return try exchange.finish(0)
    case FUSE_STATFS:
      var out = fuse_statfs_out()
      out.st.bsize = 4096
      out.st.frsize = 4096
      out.st.namelen = UInt32(NAME_MAX)
      return try exchange.finish(out)
    case FUSE_SYNCFS:
      for index in shares.indices {
        try synchronizeFileSystem(try inodes.enter(rootNumber(index)))
      }
      return try exchange.finish(0)
    case FUSE_GETXATTR: throw Failure(ENODATA)
    case FUSE_LISTXATTR:
      let asked = try exchange.argument(fuse_getxattr_in.self).size
      return asked == 0 ? try exchange.finish(fuse_getxattr_out()) : try exchange.finish(0)
    case FUSE_READLINK: throw Failure(EINVAL)
    case FUSE_OPEN: throw Failure(EISDIR)
    case FUSE_SETATTR, FUSE_SETXATTR, FUSE_REMOVEXATTR, FUSE_MKNOD, FUSE_MKDIR, FUSE_SYMLINK,
      FUSE_LINK, FUSE_UNLINK, FUSE_RMDIR, FUSE_RENAME, FUSE_RENAME2, FUSE_CREATE, FUSE_TMPFILE:
      throw Failure(EROFS)
    case FUSE_RELEASE, FUSE_FSYNC, FUSE_FALLOCATE, FUSE_LSEEK, FUSE_COPY_FILE_RANGE:
      throw Failure(EBADF)
    default: throw Failure(ENOSYS)
    }
  }

  private var rootAttributes: fuse_attr {
    var result = fuse_attr()
    result.ino = UInt64(FUSE_ROOT_ID)
    result.mode = UInt32(S_IFDIR) | 0o755
    result.nlink = UInt32(2 + shares.count)
    result.blksize = 4096
    return result
  }

  private func lookupShare(_ exchange: Exchange) throws(Failure) -> Int {
    let name = try unsafe exchange.name(at: 0)
    try exchange.needRoom(MemoryLayout<fuse_entry_out>.size)
    guard
      let index = shares.firstIndex(where: { share in
        unsafe strcmp(name.pointer, share.name) == 0
      })
    else { throw Failure(ENOENT) }
    let inode = try inodes.enter(rootNumber(index))
    let found = Found(
      id: rootNumber(index), inode: inode.inode, status: try status(inode.fd))
    return try exchange.finish(entry(found, validity: .forever))
  }

  private func listShares(
    _ exchange: Exchange, withAttributes: Bool
  ) throws(Failure) -> Int {
    let arguments = try exchange.argument(fuse_read_in.self)
    let limit = min(Int(arguments.size), exchange.room, Exchange.replyCapacity)
    var entries = unsafe EntryWriter(body: unsafe exchange.body, limit: limit)
    // Entry 0 and 1 are "." and ".."; a cookie is the index of the entry that follows.
    var index = Int(min(arguments.offset, UInt64(shares.count + 2)))
    while index < shares.count + 2 {
      let name = index == 0 ? "." : index == 1 ? ".." : shares[index - 2].name
      let number = index < 2 ? UInt64(FUSE_ROOT_ID) : rootNumber(index - 2)
      let added = unsafe name.withCString { text in
        let entry = unsafe cl_fs_entry(
          inode: number, cookie: UInt64(index + 1), name: text,
          length: UInt32(name.utf8.count), type: 0)
        guard unsafe entries.hasRoom(entry, withAttributes: withAttributes) else { return false }
        // Without a number: the guest looks a share up when it wants it.
        if withAttributes {
          unsafe entries.add(entry, fuse_entry_out(), salt: 0)
          return true
        }
        return unsafe entries.add(entry, salt: 0)
      }
      guard added else { break }
      index += 1
    }
    return try exchange.finish(entries.used)
  }
}
