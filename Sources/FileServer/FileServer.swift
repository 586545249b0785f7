internal import CLinux
public import Linux

/// A FUSE server for one guest, over descriptors: it answers what the guest's kernel asks of the
/// shares (virtio 1.2, 5.11; FUSE protocol 7.31 and later).
///
/// The root of the guest's mount is a read-only directory of its own with one entry for each share.
/// Several threads may call it at once. It changes the calling threads: see `prepareThread`.
/// specs/file-server.md.
@safe public final class FileServer: @unchecked Sendable {
  let shares: [Share]
  let settings: Settings
  let procSelfFd: CInt
  let inodes: Inodes
  let handles: Handles
  private let shortageEvent: FileDescriptor
  /// 1 for each share that `makeReadOnly` named.
  private let sealed: UnsafeMutablePointer<UInt8>
  /// Flags agreed on with the guest's kernel; 0 before FUSE_INIT.
  private let agreed: UnsafeMutablePointer<UInt64>
  /// The inode that lost its file capability last, until it is asked for; 0 for none.
  private let stripped: UnsafeMutablePointer<UInt64>

  /// `procSelfFd` is an O_PATH descriptor of this process's /proc/self/fd, borrowed: open as long
  /// as the server lives. The shares' roots are not needed any more afterwards.
  ///
  /// An error is EINVAL for a name or kind of share that can't be served, or what the kernel says.
  public init(
    shares: [Share], settings: Settings = Settings(), procSelfFd: CInt
  ) throws(SystemError) {
    self.shares = shares
    self.settings = settings
    self.procSelfFd = procSelfFd
    var descriptors = rlimit()
    // Up to the hard limit: this process raises its own, before or after.
    try system("getrlimit", "RLIMIT_NOFILE") {
      unsafe cl_getrlimit(CInt(CL_RLIMIT_NOFILE), &descriptors)
    }
    let limits = settings.limits.fitting(
      descriptors: Int(clamping: descriptors.rlim_max))
    guard limits.inodes > shares.count, limits.inodes < 1 << 30, limits.handles > 0,
      limits.handles < 1 << 30, shares.count < 1 << 12
    else { throw SystemError(EINVAL, "file server", "limits for \(shares.count) shares") }
    shortageEvent = FileDescriptor(owning: try system("eventfd", "file server") { cl_eventfd(0) })
    inodes = Inodes(capacity: limits.inodes, shortage: shortageEvent.rawValue)
    handles = Handles(capacity: limits.handles)
    unsafe agreed = .allocate(capacity: 1)
    unsafe agreed.initialize(to: 0)
    unsafe stripped = .allocate(capacity: 1)
    unsafe stripped.initialize(to: 0)
    unsafe sealed = .allocate(capacity: max(1, shares.count))
    unsafe sealed.initialize(repeating: 0, count: max(1, shares.count))
    for (index, share) in shares.enumerated() { try addRoot(index, share) }
  }

  deinit {
    unsafe agreed.deallocate()
    unsafe stripped.deallocate()
    unsafe sealed.deallocate()
  }

  /// Makes the calling thread one that serves: with its own umask and working directory
  /// (unshare(CLONE_FS), so never the thread of something else), without supplementary groups.
  ///
  /// `handle` does it too; before a system call filter it has to be called.
  public func prepareThread() throws(SystemError) {
    let thread = unsafe cl_fs_thread()
    if unsafe thread.pointee.prepared { return }
    try system("unshare", "thread of the file server") {
      unsafe cl_fs_prepare(thread, procSelfFd)
    }
  }

  /// Answers one FUSE request: `request` are its readable segments, `reply` the writable ones, in
  /// guest memory, each checked to be there.
  ///
  /// The bytes written to `reply`; 0 for requests without an answer.
  public func handle(
    request: UnsafeBufferPointer<UnsafeMutableRawBufferPointer>,
    reply: UnsafeBufferPointer<UnsafeMutableRawBufferPointer>
  ) -> Int {
    var ticket: UInt64 = 0
    return unsafe handle(request: request, reply: reply, mayWait: false, &ticket) ?? 0
  }

  /// As `handle`; with `mayWait` nil where nothing was done, because the guest knows as many files as it may
  /// and is asked to forget some: the request is to be handed in again when there is room (`hasRoom`) and now
  /// and then, and some time later without `mayWait`. `ticket` is its own meanwhile, and 0 at first.
  public func handle(
    request: UnsafeBufferPointer<UnsafeMutableRawBufferPointer>,
    reply: UnsafeBufferPointer<UnsafeMutableRawBufferPointer>, mayWait: Bool,
    _ ticket: inout UInt64
  ) -> Int? {
    let thread = unsafe cl_fs_thread()
    guard let memory = unsafe thread.pointee.memory else { return 0 }
    guard
      let exchange = unsafe Exchange(
        request: Segments(request, window: settings.window),
        reply: Segments(reply, window: settings.window), thread: thread,
        memory: UnsafeMutableRawPointer(memory))
    else { return 0 }
    let hasAnswer = !Self.isSilent(exchange.header.opcode)
    if hasAnswer, exchange.reply.count < Exchange.headerSize { return 0 }
    do throws(Failure) {
      guard exchange.isWellFormed else { throw Failure(EINVAL) }
      if unsafe !thread.pointee.prepared {
        try call { unsafe cl_fs_prepare(thread, procSelfFd) }
      }
      let written = try answer(exchange)
      return hasAnswer ? written : 0
    } catch {
      if error.mayPass, inodes.slots.shouldWait(&ticket) {
        if mayWait { return nil }
        inodes.slots.giveUp()
      }
      return hasAnswer ? exchange.fail(error.errno) : 0
    }
  }

  private static func isSilent(_ opcode: UInt32) -> Bool {
    opcode == FUSE_FORGET.rawValue || opcode == FUSE_BATCH_FORGET.rawValue
      || opcode == FUSE_INTERRUPT.rawValue
  }

  // MARK: When the guest knows too many files

  /// An eventfd that becomes readable when the guest's kernel should forget files that it does not use.
  /// Not again before `shortageWasTold`.
  public var shortage: CInt { shortageEvent.rawValue }

  /// The guest was asked for that, and has answered or never will. From any thread.
  public func shortageWasTold() { inodes.slots.answer() }

  /// Whether the guest may be told of one more file.
  public var hasRoom: Bool { inodes.slots.hasRoom }

  // MARK: What was agreed on

  var agreedFlags: UInt64 { unsafe cl_fs_atomic_load(agreed) }

  func setAgreedFlags(_ flags: UInt64) { unsafe cl_fs_atomic_store(agreed, flags) }

  func has(_ flag: UInt64) -> Bool { agreedFlags & flag != 0 }

  // MARK: File capabilities

  /// Remembers that an inode has just lost its file capability. The guest's kernel takes it before a
  /// write, and then asks for a change of attributes without any.
  func noteStripped(_ node: UInt64) { unsafe cl_fs_atomic_store(stripped, node) }

  /// Whether this inode is the one remembered; it is forgotten.
  func takeStripped(_ node: UInt64) -> Bool { unsafe cl_fs_atomic_replace(stripped, node, 0) }

  // MARK: Shares

  func isReadOnly(_ share: UInt16) -> Bool {
    if shares[Int(share)].isReadOnly { return true }
    return unsafe cl_load8(sealed + Int(share)) != 0
  }

  /// From now on the guest can change nothing in the share, whatever it was before; from any
  /// thread. Files that are open for writing stay so, and can't be written all the same.
  public func makeReadOnly(share name: String) {
    for (index, share) in shares.enumerated() where share.name == name {
      unsafe cl_store8(sealed + index, 1)
      settings.window?.protect(share: UInt16(index))
    }
  }

  /// EROFS for what would change a read-only share.
  @inline(__always)
  func needWritable(_ share: UInt16) throws(Failure) {
    if isReadOnly(share) { throw Failure(EROFS) }
  }

  /// The number of a share's root, which is fixed.
  func rootNumber(_ index: Int) -> UInt64 { UInt64(FUSE_ROOT_ID) + 1 + UInt64(index) }

  private func addRoot(_ index: Int, _ share: Share) throws(SystemError) {
    let name = share.name
    guard !name.isEmpty, name.utf8.count <= Int(NAME_MAX), name != ".", name != "..",
      !name.utf8.contains(UInt8(ascii: "/")), !name.utf8.contains(0),
      !shares[..<index].contains(where: { $0.name == name })
    else { throw SystemError(EINVAL, "file server", "share name \(name)") }
    let fd = try system("dup", "share \(name)") { cl_dup(share.root) }
    var status = statx()
    do throws(SystemError) {
      try system("statx", "share \(name)") {
        unsafe cl_fs_statx(fd, "", AT_EMPTY_PATH, UInt32(CL_STATX_NEEDED), &status)
      }
      var inode = Inode(status, fd: fd, share: UInt16(index))
      guard Self.isServed(inode.fd) else {
        throw SystemError(EINVAL, "file server", "share \(name) is a proc file system")
      }
      inode.isPinned = true
      inode.salt = inodes.salt(of: inode.device)
      guard let place = inodes.slots.place(), inodes.add(&inode, in: place) == rootNumber(index)
      else { throw SystemError(EINVAL, "file server", "share \(name)") }
    } catch {
      _ = cl_close(fd)
      throw error
    }
  }

  /// Whether files of this descriptor's file system are served.
  ///
  /// Files of proc act for the process that opens them: /proc/self/mem would be this one's memory.
  static func isServed(_ fd: CInt) -> Bool {
    var status = statfs()
    guard unsafe cl_fstatfs(fd, &status) == 0 else { return false }
    return status.f_type != Int(PROC_SUPER_MAGIC)
  }
}
