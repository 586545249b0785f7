internal import CLinux

/// What may be done with an extended attribute, by its name: what a process without CAP_SYS_ADMIN
/// on the host may do. The host's kernel and file systems trust `trusted.*` (overlayfs takes where a
/// file is from it), and only that process can have put it there.
private enum AttributeKind {
  case plain
  case accessControlList
  /// Others of security.*: to be read only.
  case readable
  case hidden

  init(_ name: UnsafePointer<CChar>) {
    if unsafe strcmp(name, "system.posix_acl_access") == 0 {
      self = .accessControlList
    } else if unsafe strcmp(name, "system.posix_acl_default") == 0 {
      self = .accessControlList
    } else if unsafe strcmp(name, "security.capability") == 0 {
      self = .plain
    } else if unsafe strncmp(name, "trusted.", 8) == 0 {
      self = .hidden
    } else if unsafe strncmp(name, "security.", 9) == 0 {
      self = .readable
    } else {
      self = .plain
    }
  }

  func needSettable() throws(Failure) {
    switch self {
    case .plain, .accessControlList: break
    case .readable, .hidden: throw Failure(EPERM)
    }
  }
}

extension FileServer {
  func getExtendedAttribute(_ exchange: Exchange) throws(Failure) -> Int {
    let arguments = try exchange.argument(fuse_getxattr_in.self)
    let name = try unsafe exchange.text(
      at: MemoryLayout<fuse_getxattr_in>.size, limit: Int(XATTR_NAME_MAX))
    let inode = try inodes.enter(exchange.header.nodeid)
    let kind = unsafe AttributeKind(name.pointer)
    if kind == .hidden { throw Failure(ENODATA) }
    let size = min(Int(arguments.size), Int(XATTR_SIZE_MAX))
    let length: Int
    do throws(Failure) {
      length = unsafe try withPath(inode.fd) { path in
        unsafe cl_fs_getxattr(path, name.pointer, exchange.body, size)
      }
    } catch {
      // An error here would deny all access, where there is nothing but the mode to go by.
      if kind == .accessControlList, error.errno == EOPNOTSUPP { throw Failure(ENODATA) }
      throw error
    }
    return try finishAttribute(exchange, length, asked: arguments.size)
  }

  func listExtendedAttributes(_ exchange: Exchange) throws(Failure) -> Int {
    let arguments = try exchange.argument(fuse_getxattr_in.self)
    let inode = try inodes.enter(exchange.header.nodeid)
    let names = unsafe exchange.body.assumingMemoryBound(to: CChar.self)
    let length = unsafe try withPath(inode.fd) { path in
      unsafe cl_fs_listxattr(path, names, Int(XATTR_LIST_MAX))
    }
    var kept = 0
    var position = 0
    while position < length {
      let size = unsafe strnlen(names + position, length - position) + 1
      if unsafe AttributeKind(names + position) != .hidden {
        unsafe memmove(names + kept, names + position, size)
        kept += size
      }
      position += size
    }
    return try finishAttribute(exchange, kept, asked: arguments.size)
  }

  /// Answers with the length alone, or with the `length` bytes in the reply's body.
  private func finishAttribute(
    _ exchange: Exchange, _ length: Int, asked: UInt32
  ) throws(Failure) -> Int {
    if asked == 0 {
      return try exchange.finish(fuse_getxattr_out(size: UInt32(length), padding: 0))
    }
    guard length <= Int(asked), length <= exchange.room else { throw Failure(ERANGE) }
    return try exchange.finish(length)
  }

  func setExtendedAttribute(_ exchange: Exchange) throws(Failure) -> Int {
    let size = Int(try exchange.argument(UInt32.self))
    let flags = CInt(bitPattern: try exchange.argument(UInt32.self, at: 4))
    var start = 8
    var extended: UInt32 = 0
    if has(UInt64(FUSE_SETXATTR_EXT)) {
      extended = try exchange.argument(fuse_setxattr_in.self).setxattr_flags
      start = MemoryLayout<fuse_setxattr_in>.size
    }
    let name = try unsafe exchange.text(at: start, limit: Int(XATTR_NAME_MAX))
    let value = try unsafe exchange.bytes(at: start + name.length + 1)
    guard size <= Int(XATTR_SIZE_MAX) else { throw Failure(E2BIG) }
    guard size <= value.count else { throw Failure(EINVAL) }
    let inode = try inodes.enter(exchange.header.nodeid)
    try needWritable(inode.inode.share)
    try unsafe AttributeKind(name.pointer).needSettable()
    try keepSuid(exchange, extended & UInt32(FUSE_SETXATTR_ACL_KILL_SGID) == 0)
    unsafe try withPath(inode.fd) { path in
      unsafe cl_fs_setxattr(path, name.pointer, value.baseAddress, size, flags)
    }
    return try exchange.finish(0)
  }

  func removeExtendedAttribute(_ exchange: Exchange) throws(Failure) -> Int {
    let name = try unsafe exchange.text(at: 0, limit: Int(XATTR_NAME_MAX))
    let inode = try inodes.enter(exchange.header.nodeid)
    try needWritable(inode.inode.share)
    try unsafe AttributeKind(name.pointer).needSettable()
    unsafe try withPath(inode.fd) { path in unsafe cl_fs_removexattr(path, name.pointer) }
    if unsafe strcmp(name.pointer, "security.capability") == 0 {
      noteStripped(exchange.header.nodeid)
    }
    return try exchange.finish(0)
  }
}
