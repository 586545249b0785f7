internal import CLinux
internal import Linux

/// A file or directory that the guest has open.
@safe struct Handle {
  var fd: CInt = -1
  /// The share that it is in.
  var share: UInt16 = 0
  /// Where the names of a directory are looked up; nil for a file.
  var directory: Directory? = nil
  /// Whether it bypasses the host's page cache.
  var isDirect = false
  /// What was read of a directory and not yet told.
  var stream = DirectoryStream()
}

/// The state of reading an open directory.
@safe struct DirectoryStream {
  /// Records of getdents64; nil when the thread's own memory is used.
  var buffer: UnsafeMutableRawPointer? = nil
  var cursor = 0
  var filled = 0
  /// The cookie from which on the next record is.
  var next: UInt64 = 0
  /// Whether the descriptor's position is where `next` and `filled` say.
  var isPositioned = true
}

/// All files and directories that the guest has open, by its number for them.
@safe final class Handles: @unchecked Sendable {
  let slots: Slots
  let buffers: BufferPool
  private let handles: UnsafeMutablePointer<Handle>
  /// One for each handle, for the stream of a directory; zeroed memory is a mutex.
  private let mutexes: UnsafeMutablePointer<pthread_mutex_t>
  private let size: Int

  init(capacity: Int) {
    slots = Slots(first: 1, capacity: capacity)
    size = 1 + capacity
    unsafe handles = LazyMemory.allocate(Handle.self, size)
    unsafe mutexes = LazyMemory.allocate(pthread_mutex_t.self, size)
    buffers = BufferPool(capacity: 64)
  }

  deinit {
    for index in 1..<slots.highest where slots.isOwned(index) {
      _ = unsafe cl_close(handles[index].fd)
    }
    unsafe LazyMemory.free(handles, size)
    unsafe LazyMemory.free(mutexes, size)
  }

  /// Keeps a handle, whose descriptor the table owns from now on, also when it fails.
  func add(_ handle: Handle) throws(Failure) -> UInt64 {
    guard let index = slots.reserve() else {
      _ = cl_close(handle.fd)
      throw Failure(ENFILE)
    }
    unsafe (handles + index).initialize(to: handle)
    return slots.publish(index)
  }

  /// The open file of a number, for as long as the reference lives.
  @inline(__always)
  func enterFile(_ id: UInt64) throws(Failure) -> HandleReference {
    let handle = try enter(id)
    guard !handle.isDirectory else { throw Failure(EBADF) }
    return handle
  }

  /// The open directory of a number, for as long as the reference lives.
  func enterDirectory(_ id: UInt64) throws(Failure) -> HandleReference {
    let handle = try enter(id)
    guard handle.isDirectory else { throw Failure(EBADF) }
    return handle
  }

  private func enter(_ id: UInt64) throws(Failure) -> HandleReference {
    guard let index = slots.enter(id) else { throw Failure(EBADF) }
    return HandleReference(
      table: self, index: index, fd: unsafe handles[index].fd, share: unsafe handles[index].share,
      isDirect: unsafe handles[index].isDirect,
      isDirectory: unsafe handles[index].directory != nil)
  }

  /// Closes a handle when its last user has left.
  func release(_ id: UInt64) throws(Failure) {
    guard let index = slots.enter(id) else { throw Failure(EBADF) }
    _ = slots.disown(id)
    leave(index)
  }

  func reset() {
    for index in 1..<max(1, slots.highest) {
      let id = slots.id(index)
      guard slots.enter(id) != nil else { continue }
      _ = slots.disown(id)
      leave(index)
    }
  }

  fileprivate func leave(_ index: Int) {
    guard slots.leave(index) else { return }
    _ = unsafe cl_close(handles[index].fd)
    if let buffer = unsafe handles[index].stream.buffer { unsafe buffers.put(buffer) }
    unsafe handles[index] = Handle()
    slots.recycle(index)
  }

  /// Where the handle's directory is.
  fileprivate func directory(_ index: Int) throws(Failure) -> Directory {
    guard let directory = unsafe handles[index].directory else { throw Failure(ENOTDIR) }
    return directory
  }

  fileprivate func withStream<Result>(
    _ index: Int, _ body: (inout DirectoryStream) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    unsafe cl_mutex_lock(mutexes + index)
    defer { unsafe cl_mutex_unlock(mutexes + index) }
    return try unsafe body(&handles[index].stream)
  }
}

/// A handle in use by a request.
struct HandleReference: ~Copyable {
  private let table: Handles
  private let index: Int
  let fd: CInt
  let share: UInt16
  let isDirect: Bool
  let isDirectory: Bool

  fileprivate init(
    table: Handles, index: Int, fd: CInt, share: UInt16, isDirect: Bool, isDirectory: Bool
  ) {
    self.table = table
    self.index = index
    self.fd = fd
    self.share = share
    self.isDirect = isDirect
    self.isDirectory = isDirectory
  }

  deinit { table.leave(index) }

  /// Where the names of an open directory are looked up.
  func directory() throws(Failure) -> Directory {
    var directory = try table.directory(index)
    directory.fd = fd
    return directory
  }

  /// Runs `body` while no other thread reads this directory.
  func withStream<Result>(
    _ body: (inout DirectoryStream) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try table.withStream(index, body)
  }
}

/// A bounded number of buffers for open directories.
@safe final class BufferPool: @unchecked Sendable {
  static let size = 16384
  private let free: Locked<[UInt]>
  private let all: [UInt]

  init(capacity: Int) {
    var all: [UInt] = []
    for _ in 0..<capacity {
      let buffer = UnsafeMutableRawPointer.allocate(byteCount: Self.size, alignment: 8)
      all.append(UInt(bitPattern: buffer))
    }
    self.all = all
    free = Locked(all)
  }

  deinit {
    for address in all { unsafe UnsafeMutableRawPointer(bitPattern: address)?.deallocate() }
  }

  func take() -> UnsafeMutableRawPointer? {
    guard let address = free.withLock({ $0.popLast() }) else { return nil }
    return unsafe UnsafeMutableRawPointer(bitPattern: address)
  }

  func put(_ buffer: UnsafeMutableRawPointer) {
    let address = UInt(bitPattern: buffer)
    free.withLock { $0.append(address) }
  }
}
