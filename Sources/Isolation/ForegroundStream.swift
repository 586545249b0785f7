internal import CLinux
internal import Linux

/// One end of a copy, whose calls do not wait.
struct RelayStream: ~Copyable {
  /// -1 once it is closed.
  private var fd: CInt
  /// Most bytes of one write that cannot wait once poll(2) has said that there is room.
  private let writeLimit: Int

  /// A descriptor that nobody shares with us.
  init(owning descriptor: consuming FileDescriptor) throws(SystemError) {
    let fd = descriptor.rawValue
    let flags = try system("fcntl") { cl_fcntl(fd, F_GETFL, 0) }
    try system("fcntl") { cl_fcntl(fd, F_SETFL, Int(flags | O_NONBLOCK)) }
    self.fd = descriptor.release()
    writeLimit = Int.max
  }

  /// One of our streams.
  ///
  /// O_NONBLOCK would reach everybody who shares the open file, such as the shell: terminals and
  /// pipes are opened another time. What cannot be, is written in pieces that fit after poll(2).
  init(reopening stream: CInt, _ access: CInt) {
    var status = stat()
    let isPipe = unsafe cl_fstat(stream, &status) == 0 && cl_is_fifo(status.st_mode)
    if isPipe || cl_isatty(stream) == 1,
      let own = try? FileDescriptor.open(
        "/proc/self/fd/\(stream)", access | O_NONBLOCK | O_NOCTTY)
    {
      fd = own.release()
      writeLimit = Int.max
    } else {
      fd = cl_dup(stream)
      writeLimit = 4096
    }
  }

  deinit { if fd >= 0 { _ = cl_close(fd) } }

  /// Closes it now; reads and writes then say that it has ended.
  mutating func close() {
    if fd >= 0 { _ = cl_close(fd) }
    fd = -1
  }

  /// What poll(2) is to wait for; nothing at all when both are false.
  func wanted(reading: Bool = false, writing: Bool = false) -> pollfd {
    let events = (reading ? POLLIN : 0) | (writing ? POLLOUT : 0)
    // A negative number is passed over: an end that has nothing to do must not wake us by its
    // hang-up either.
    return pollfd(fd: events == 0 ? -1 : fd, events: Int16(events), revents: 0)
  }

  fileprivate func read(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    unsafe cl_read(fd, buffer.baseAddress, buffer.count)
  }

  fileprivate func write(_ buffer: UnsafeRawBufferPointer) -> Int {
    unsafe cl_write(fd, buffer.baseAddress, min(buffer.count, writeLimit))
  }
}

/// Bytes on their way from one stream to another; more are read when it is empty, so a slow reader
/// slows the writer down.
struct RelayBuffer {
  enum Transfer { case moved, nothingYet, full, ended }

  private var bytes: [UInt8] = []
  private var start = 0
  private var end = 0

  var isEmpty: Bool { start == end }
  var count: Int { end - start }
  var last: UInt8? { isEmpty ? nil : bytes[end - 1] }

  mutating func append(_ more: [UInt8]) {
    bytes = Array(bytes[start..<end]) + more
    start = 0
    end = bytes.count
  }

  /// One read into an empty buffer.
  mutating func fill(from stream: borrowing RelayStream) -> Transfer {
    if !isEmpty { return .full }
    if bytes.count < Self.size { bytes = [UInt8](repeating: 0, count: Self.size) }
    let count = unsafe bytes.withUnsafeMutableBytes { unsafe stream.read($0) }
    if count > 0 {
      start = 0
      end = count
      return .moved
    }
    return Self.isTemporary(count) ? .nothingYet : .ended
  }

  /// One write of what is there; `ended` when nobody will ever read it.
  mutating func drain(into stream: borrowing RelayStream) -> Transfer {
    if isEmpty { return .moved }
    let count = unsafe bytes.withUnsafeBytes {
      unsafe stream.write(UnsafeRawBufferPointer(rebasing: $0[start..<end]))
    }
    if count > 0 {
      start += count
      return .moved
    }
    return Self.isTemporary(count) ? .nothingYet : .ended
  }

  private static let size = 1 << 16

  private static func isTemporary(_ result: Int) -> Bool {
    result == -Int(EAGAIN) || result == -Int(EINTR)
  }
}
