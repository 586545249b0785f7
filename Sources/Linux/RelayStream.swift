public import CLinux

/// One end of a copy, whose calls do not wait.
public struct RelayStream: ~Copyable {
  /// How its calls are kept from waiting.
  private enum Kind {
    /// The open file is ours alone, with O_NONBLOCK, or a file that is always ready.
    case own
    /// A socket, whose calls take the wish not to wait.
    case socket
    /// Shared: a write of this many bytes cannot wait once poll(2) has said that there is room.
    case pieces(Int)
  }

  /// -1 once it is closed.
  private var fd: CInt
  private let kind: Kind

  /// A descriptor that nobody shares with us.
  public init(owning descriptor: consuming FileDescriptor) throws(SystemError) {
    let fd = descriptor.rawValue
    let flags = try system("fcntl") { cl_fcntl(fd, F_GETFL, 0) }
    try system("fcntl") { cl_fcntl(fd, F_SETFL, Int(flags | O_NONBLOCK)) }
    self.fd = descriptor.release()
    var status = stat()
    // A socket's writes must not raise SIGPIPE.
    let isSocket = unsafe cl_fstat(fd, &status) == 0 && status.type == mode_t(S_IFSOCK)
    kind = isSocket ? .socket : .own
  }

  /// One of our streams.
  ///
  /// O_NONBLOCK would reach everybody who shares the open file, such as the shell: terminals and
  /// pipes are opened another time. What cannot be, is written in pieces that fit after poll(2).
  public init(reopening stream: CInt, _ access: CInt) {
    var status = stat()
    let type = unsafe cl_fstat(stream, &status) == 0 ? status.type : 0
    if type == mode_t(S_IFIFO) || cl_isatty(stream) == 1,
      let own = try? FileDescriptor.open(
        "/proc/self/fd/\(stream)", access | O_NONBLOCK | O_NOCTTY)
    {
      fd = own.release()
      kind = .own
      return
    }
    fd = cl_dup(stream)
    switch type {
    case mode_t(S_IFSOCK): kind = .socket
    case mode_t(S_IFREG): kind = .own
    default: kind = .pieces(4096)
    }
  }

  deinit { if fd >= 0 { _ = cl_close(fd) } }

  /// Closes it now; reads and writes then say that it has ended.
  public mutating func close() {
    if fd >= 0 { _ = cl_close(fd) }
    fd = -1
  }

  public var isOpen: Bool { fd >= 0 }

  /// Tells the other end that no more comes from here (shutdown(2), SHUT_WR).
  public func shutdownWriting() { _ = cl_shutdown(fd, CInt(CL_SHUT_WR)) }

  /// Ends a connection in both directions, whoever else has its descriptor.
  public func shutdown() { _ = cl_shutdown(fd, CInt(CL_SHUT_RDWR)) }

  /// What poll(2) is to wait for; nothing at all when both are false.
  public func wanted(reading: Bool = false, writing: Bool = false) -> pollfd {
    let events = (reading ? POLLIN : 0) | (writing ? POLLOUT : 0)
    // A negative number is passed over: an end that has nothing to do must not wake us by its
    // hang-up either.
    return pollfd(fd: events == 0 ? -1 : fd, events: Int16(events), revents: 0)
  }

  /// As `wanted`, and the end of the other side wakes us as well, which is told as POLLHUP or
  /// POLLERR.
  public func wantedUntilHangUp(reading: Bool = false, writing: Bool = false) -> pollfd {
    let events = (reading ? POLLIN : 0) | (writing ? POLLOUT : 0)
    return pollfd(fd: fd, events: Int16(events), revents: 0)
  }

  func read(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    switch kind {
    case .socket: unsafe cl_recv(fd, buffer.baseAddress!, buffer.count, true)
    case .own, .pieces: unsafe cl_read(fd, buffer.baseAddress, buffer.count)
    }
  }

  func write(_ buffer: UnsafeRawBufferPointer) -> Int {
    switch kind {
    case .socket: unsafe cl_send(fd, buffer.baseAddress!, buffer.count, true)
    case .own: unsafe cl_write(fd, buffer.baseAddress, buffer.count)
    case .pieces(let limit):
      unsafe cl_write(fd, buffer.baseAddress, min(buffer.count, limit))
    }
  }
}
