internal import CLinux

extension FileServer {
  /// Does what a request asks; the length of the answer that was written.
  func answer(_ exchange: Exchange) throws(Failure) -> Int {
    let opcode = fuse_opcode(rawValue: exchange.header.opcode)
    if agreedFlags == 0 {
      switch opcode {
      case FUSE_INIT, FUSE_DESTROY, FUSE_FORGET, FUSE_BATCH_FORGET, FUSE_INTERRUPT: break
      default: throw Failure(ENOTCONN)
      }
    }
    // What has a handle needs no inode.
    switch opcode {
    case FUSE_READ: return try read(exchange)
    case FUSE_WRITE: return try write(exchange)
    case FUSE_INIT: return try initialize(exchange)
    case FUSE_DESTROY: return try destroy(exchange)
    case FUSE_FORGET: return try forget(exchange)
    case FUSE_REMOVEMAPPING: return try removeMappings(exchange)
    case FUSE_BATCH_FORGET: return try batchForget(exchange)
    // Nothing here waits for anything that an interrupt could end.
    case FUSE_INTERRUPT: return 0
    // Answered like this once, the guest's kernel asks no more and acts by itself: locks are its
    // own, access is checked by mode, polls are always ready, close has nothing to flush.
    case FUSE_GETLK, FUSE_SETLK, FUSE_SETLKW, FUSE_ACCESS, FUSE_POLL, FUSE_FLUSH, FUSE_BMAP:
      throw Failure(ENOSYS)
    case FUSE_IOCTL: throw Failure(ENOTTY)
    default: break
    }
    if exchange.header.nodeid == UInt64(FUSE_ROOT_ID) { return try answerRoot(exchange, opcode) }
    switch opcode {
    case FUSE_LOOKUP: return try lookup(exchange)
    case FUSE_GETATTR: return try getAttributes(exchange)
    case FUSE_SETATTR: return try setAttributes(exchange)
    case FUSE_OPEN: return try open(exchange)
    case FUSE_RELEASE, FUSE_RELEASEDIR: return try release(exchange)
    case FUSE_CREATE: return try create(exchange)
    case FUSE_OPENDIR: return try openDirectory(exchange)
    case FUSE_READDIR: return try readDirectory(exchange, withAttributes: false)
    case FUSE_READDIRPLUS: return try readDirectory(exchange, withAttributes: true)
    case FUSE_READLINK: return try readLink(exchange)
    case FUSE_GETXATTR: return try getExtendedAttribute(exchange)
    case FUSE_LISTXATTR: return try listExtendedAttributes(exchange)
    case FUSE_SETXATTR: return try setExtendedAttribute(exchange)
    case FUSE_REMOVEXATTR: return try removeExtendedAttribute(exchange)
    case FUSE_MKNOD: return try makeNode(exchange)
    case FUSE_MKDIR: return try makeDirectory(exchange)
    case FUSE_SYMLINK: return try makeSymbolicLink(exchange)
    case FUSE_LINK: return try link(exchange)
    case FUSE_UNLINK: return try remove(exchange, flags: 0)
    case FUSE_RMDIR: return try remove(exchange, flags: AT_REMOVEDIR)
    case FUSE_RENAME: return try rename(exchange, hasFlags: false)
    case FUSE_RENAME2: return try rename(exchange, hasFlags: true)
    case FUSE_TMPFILE: return try makeTemporary(exchange)
    case FUSE_FSYNC, FUSE_FSYNCDIR: return try synchronize(exchange)
    case FUSE_SYNCFS: return try synchronizeFileSystem(exchange)
    case FUSE_FALLOCATE: return try allocate(exchange)
    case FUSE_LSEEK: return try seek(exchange)
    case FUSE_SETUPMAPPING: return try setUpMapping(exchange)
    case FUSE_COPY_FILE_RANGE: return try copyRange(exchange)
    case FUSE_STATFS: return try fileSystemStatus(exchange)
    default: throw Failure(ENOSYS)
    }
  }
}
