internal import CLinux

extension Inode {
  init(_ status: statx, fd: CInt, share: UInt16) {
    self.init()
    self.fd = fd
    self.share = share
    type = UInt32(status.stx_mode) & UInt32(S_IFMT)
    device = UInt64(status.stx_dev_major) << 32 | UInt64(status.stx_dev_minor)
    number = status.stx_ino
    mount = status.stx_mnt_id
  }
}

/// How long the guest may rely on an answer.
struct Validity {
  let seconds: UInt64
  /// For directories and files that this server makes up.
  static let forever = Validity(seconds: 86_400)

  init(seconds: UInt64) { self.seconds = seconds }
  init(_ mode: CacheMode) {
    switch mode {
    case .none: seconds = 0
    case .auto: seconds = 1
    case .always: seconds = 86_400
    }
  }
}

extension FileServer {
  var validity: Validity { Validity(settings.cache) }

  /// How long attributes hold.
  ///
  /// A write takes set-user-ID away here, which the guest's kernel does not notice by itself: it
  /// asks again each time while there is something to take away.
  func attributeSeconds(_ status: borrowing statx) -> UInt64 {
    let mode = UInt32(status.stx_mode)
    let isFile = mode & UInt32(S_IFMT) == UInt32(S_IFREG)
    return isFile && mode & UInt32(S_ISUID | S_ISGID) != 0 ? 0 : validity.seconds
  }

  /// Attributes in FUSE's form.
  func attributes(_ status: borrowing statx, salt: UInt16) -> fuse_attr {
    var result = fuse_attr()
    result.ino = status.stx_ino ^ UInt64(salt) << 48
    result.size = status.stx_size
    result.blocks = status.stx_blocks
    result.atime = UInt64(bitPattern: status.stx_atime.tv_sec)
    result.mtime = UInt64(bitPattern: status.stx_mtime.tv_sec)
    result.ctime = UInt64(bitPattern: status.stx_ctime.tv_sec)
    result.atimensec = status.stx_atime.tv_nsec
    result.mtimensec = status.stx_mtime.tv_nsec
    result.ctimensec = status.stx_ctime.tv_nsec
    result.mode = UInt32(status.stx_mode)
    result.nlink = status.stx_nlink
    result.uid = status.stx_uid
    result.gid = status.stx_gid
    result.rdev = cl_fs_encode_device(status.stx_rdev_major, status.stx_rdev_minor)
    result.blksize = status.stx_blksize
    result.flags = mappingFlags(status)
    return result
  }

  /// What the kernel says of an inode.
  func status(_ fd: CInt) throws(Failure) -> statx {
    var status = statx()
    try call {
      unsafe cl_fs_statx(fd, "", AT_EMPTY_PATH, UInt32(CL_STATX_NEEDED), &status)
    }
    return status
  }

  func getAttributes(_ exchange: Exchange) throws(Failure) -> Int {
    // The O_PATH descriptor holds unlinked files too: the handle is not needed.
    let inode = try inodes.enter(exchange.header.nodeid)
    return try finishAttributes(exchange, inode)
  }

  private func finishAttributes(
    _ exchange: Exchange, _ inode: borrowing InodeReference
  ) throws(Failure) -> Int {
    var out = fuse_attr_out()
    let status = try status(inode.fd)
    out.attr_valid = attributeSeconds(status)
    out.attr = attributes(status, salt: inode.inode.salt)
    return try exchange.finish(out)
  }

  func setAttributes(_ exchange: Exchange) throws(Failure) -> Int {
    let change = try exchange.argument(fuse_setattr_in.self)
    try exchange.needRoom(MemoryLayout<fuse_attr_out>.size)
    let inode = try inodes.enter(exchange.header.nodeid)
    try needWritable(inode.inode.share)
    let valid = CInt(truncatingIfNeeded: change.valid)
    let isStripped = takeStripped(exchange.header.nodeid)
    if valid & FATTR_SIZE != 0 { try setSize(exchange, inode, change) }
    // Before the mode: a new owner takes set-user-ID away, a mode in the same request sets it.
    if valid & (FATTR_UID | FATTR_GID) != 0 {
      // Set-group-ID without execution, which is no privilege, goes from who is no member of the
      // group. That is not told: it stays.
      try keepSuid(exchange, true)
      let none = UInt32.max
      try call {
        unsafe cl_fchownat(
          inode.fd, "", valid & FATTR_UID != 0 ? change.uid : none,
          valid & FATTR_GID != 0 ? change.gid : none, AT_EMPTY_PATH)
      }
    }
    if valid & FATTR_MODE != 0 {
      guard inode.inode.type != UInt32(S_IFLNK) else { throw Failure(EOPNOTSUPP) }
      // The guest's kernel has taken away set-group-ID from those who can't set it.
      try keepSuid(exchange, true)
      unsafe try withPath(inode.fd) { path in
        unsafe cl_fchmodat(procSelfFd, path, change.mode & 0o7777)
      }
    }
    if valid & (FATTR_ATIME | FATTR_MTIME) != 0 { try setTimes(inode.fd, change) }
    if valid & (FATTR_SIZE | FATTR_UID | FATTR_GID | FATTR_MODE | FATTR_ATIME | FATTR_MTIME) == 0 {
      // chown to nobody else, which takes set-user-ID away all the same; or, right after its file
      // capability, what is left of a change before a write, which says itself what it takes away.
      if !isStripped {
        try keepSuid(exchange, true)
        try call { unsafe cl_fchownat(inode.fd, "", .max, .max, AT_EMPTY_PATH) }
      }
    }
    return try finishAttributes(exchange, inode)
  }

  private func setSize(
    _ exchange: Exchange, _ inode: borrowing InodeReference, _ change: fuse_setattr_in
  ) throws(Failure) {
    let valid = CInt(truncatingIfNeeded: change.valid)
    guard let size = Int(exactly: change.size) else { throw Failure(EFBIG) }
    guard inode.isRegular else { throw Failure(inode.isDirectory ? EISDIR : EINVAL) }
    try keepSuid(exchange, valid & FATTR_KILL_SUIDGID == 0)
    if valid & FATTR_FH != 0 {
      let handle = try handles.enterFile(change.fh)
      try needWritable(handle.share)
      try call { cl_ftruncate(handle.fd, size) }
      return
    }
    let fd = try reopen(inode.fd, O_WRONLY)
    defer { _ = cl_close(fd) }
    try call { cl_ftruncate(fd, size) }
  }

  private func setTimes(_ fd: CInt, _ change: fuse_setattr_in) throws(Failure) {
    let valid = CInt(truncatingIfNeeded: change.valid)
    func time(_ set: CInt, _ now: CInt, _ seconds: UInt64, _ nanoseconds: UInt32) -> timespec {
      if valid & set == 0 { return timespec(tv_sec: 0, tv_nsec: Int(CL_UTIME_OMIT)) }
      if valid & now != 0 { return timespec(tv_sec: 0, tv_nsec: Int(CL_UTIME_NOW)) }
      return timespec(
        tv_sec: Int(bitPattern: UInt(seconds)), tv_nsec: Int(min(nanoseconds, 999_999_999)))
    }
    let times = (
      time(FATTR_ATIME, FATTR_ATIME_NOW, change.atime, change.atimensec),
      time(FATTR_MTIME, FATTR_MTIME_NOW, change.mtime, change.mtimensec)
    )
    try call {
      unsafe withUnsafeBytes(of: times) {
        unsafe cl_fs_utimensat(
          fd, "", $0.baseAddress!.assumingMemoryBound(to: timespec.self), AT_EMPTY_PATH)
      }
    }
  }

  func fileSystemStatus(_ exchange: Exchange) throws(Failure) -> Int {
    let inode = try inodes.enter(exchange.header.nodeid)
    var status = statfs()
    try call { unsafe cl_fstatfs(inode.fd, &status) }
    var out = fuse_statfs_out()
    out.st.blocks = UInt64(status.f_blocks)
    out.st.bfree = UInt64(status.f_bfree)
    out.st.bavail = UInt64(status.f_bavail)
    out.st.files = UInt64(status.f_files)
    out.st.ffree = UInt64(status.f_ffree)
    out.st.bsize = UInt32(truncatingIfNeeded: status.f_bsize)
    out.st.namelen = UInt32(truncatingIfNeeded: status.f_namelen)
    out.st.frsize = UInt32(truncatingIfNeeded: status.f_frsize)
    return try exchange.finish(out)
  }

  // MARK: Descriptors and the calling thread

  /// The file of an O_PATH descriptor opened; only for what is known to be a regular file or a
  /// directory, whose opening neither waits nor acts.
  func reopen(_ fd: CInt, _ flags: CInt) throws(Failure) -> CInt {
    unsafe try withPath(fd) { path in
      unsafe cl_openat(procSelfFd, path, flags | O_CLOEXEC | O_NOCTTY, 0)
    }
  }

  /// Runs a call on the descriptor's number as a path relative to /proc/self/fd, which leads to its
  /// file and no further, also when that is a symbolic link.
  @discardableResult
  func withPath<Result: FixedWidthInteger & SignedInteger>(
    _ fd: CInt, _ body: (UnsafePointer<CChar>) -> Result
  ) throws(Failure) -> Result {
    var path = cl_fs_path()
    unsafe cl_fs_path(fd, &path)
    return try call { unsafe withUnsafePointer(to: path) { unsafe body(cl_fs_text($0)) } }
  }

  /// Whether what this thread writes keeps set-user-ID and set-group-ID.
  @inline(__always)
  func keepSuid(_ exchange: Exchange, _ keeps: Bool) throws(Failure) {
    // The usual case: one comparison.
    if keeps, unsafe exchange.thread.pointee.keeps_suid { return }
    let gid = exchange.header.gid
    try call { unsafe cl_fs_keep_suid(exchange.thread, keeps, gid) }
  }

  /// Runs `body`, which makes a file, as the user who asks for it and with that user's umask.
  func asCaller<Result>(
    _ exchange: Exchange, umask: UInt32, extensionsAt offset: Int?,
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let header = exchange.header
    let group =
      try offset.map { offset throws(Failure) in try parentGroup(exchange, at: offset) } ?? -1
    // Who sets group and mode in one step keeps what only root may set.
    try keepSuid(exchange, true)
    let mask = CInt(umask & 0o777)
    if unsafe exchange.thread.pointee.umask != mask {
      _ = cl_umask(mode_t(mask))
      unsafe exchange.thread.pointee.umask = mask
    }
    // Where the guest's kernel does not say that the caller is a member, it has taken set-group-ID
    // from the mode of those who are not.
    let keepsSetGroup = has(Self.guestStripsSetGroup) && !has(CL_FUSE_CREATE_SUPP_GROUP)
    try call {
      unsafe cl_fs_become(exchange.thread, header.uid, header.gid, group, keepsSetGroup)
    }
    defer { unsafe cl_fs_return(exchange.thread, header.uid, header.gid, group) }
    return try body()
  }

  /// The group of the parent directory when the caller is a member of it (FUSE_EXT_GROUPS); -1.
  private func parentGroup(
    _ exchange: Exchange, at offset: Int
  ) throws(Failure) -> Int64 {
    guard has(CL_FUSE_CREATE_SUPP_GROUP), exchange.header.total_extlen > 0 else { return -1 }
    let size = Int(exchange.header.total_extlen) * 8
    let start = Int(exchange.header.len) - Exchange.requestHeaderSize - size
    guard start >= offset else { throw Failure(EINVAL) }
    var position = start
    while position - start + MemoryLayout<fuse_ext_header>.size <= size {
      let part = try exchange.argument(fuse_ext_header.self, at: position)
      if part.type == UInt32(CL_FUSE_EXT_GROUPS) {
        let groups = try exchange.argument(cl_fuse_supp_groups.self, at: position)
        guard groups.count == 1 else { throw Failure(EINVAL) }
        return Int64(groups.group)
      }
      guard part.size >= UInt32(MemoryLayout<fuse_ext_header>.size) else { throw Failure(EINVAL) }
      position += (Int(part.size) + 7) & ~7
    }
    return -1
  }
}
