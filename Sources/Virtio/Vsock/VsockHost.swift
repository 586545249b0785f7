internal import CLinux
public import Linux

/// How the host's processes and threads come to connections: the listening socket, `connect`, and
/// the port at which the guest is awaited.
@safe final class VsockHost: @unchecked Sendable {
  private struct Shared {
    /// Connections that were asked for and are not made yet: guest ports and sockets.
    var requested: [(port: UInt32, socket: SharedDescriptor)] = []
    var awaited: [(port: UInt32, socket: SharedDescriptor)] = []
    var loop: EventLoop?
  }

  /// What other threads use too.
  private let shared = Locked(Shared())
  private let listener: SharedDescriptor

  // The device's thread alone uses what follows.
  private weak var device: VsockDevice?
  private var loop: EventLoop?
  private var isListening = false
  /// Clients that have not named a port yet, by descriptor.
  private var clients: [CInt: SharedDescriptor] = [:]
  private var nextPort: UInt32 = firstPort
  /// The ports of the host's own connections: above those that anybody listens on.
  private static let firstPort: UInt32 = 1 << 30

  init(_ listener: consuming FileDescriptor?) {
    switch consume listener {
    case .some(let descriptor): self.listener = SharedDescriptor(descriptor)
    case .none: self.listener = .closed
    }
  }

  // MARK: Any thread

  /// One end of a socket pair whose other end is, or will be, connected to a port of the guest.
  func connect(port: UInt32) throws(SystemError) -> FileDescriptor {
    try pair { shared, end in
      guard shared.requested.count < VsockDevice.connectionLimit else { return false }
      shared.requested.append((port, end))
      return true
    }
  }

  /// As `connect`, for the first connection that the guest makes to a port of the host.
  func await(port: UInt32) throws(SystemError) -> FileDescriptor {
    try pair { shared, end in
      guard !shared.awaited.contains(where: { $0.port == port }) else { return false }
      shared.awaited.append((port, end))
      return true
    }
  }

  private func pair(
    _ store: (inout Shared, SharedDescriptor) -> Bool
  ) throws(SystemError) -> FileDescriptor {
    var fds: (CInt, CInt) = (-1, -1)
    try system("socketpair", "vsock") {
      unsafe withUnsafeMutableBytes(of: &fds) {
        unsafe cl_socketpair(
          cl_sock_type(0) | cl_sock_cloexec(), $0.assumingMemoryBound(to: CInt.self).baseAddress!)
      }
    }
    let end = FileDescriptor(owning: fds.0)
    let other = SharedDescriptor(FileDescriptor(owning: fds.1))
    let (isStored, loop) = shared.withLock { (store(&$0, other), $0.loop) }
    guard isStored else { throw SystemError(EBUSY, "connect", "vsock") }
    loop?.post { [weak self] in self?.openRequested() }
    return end
  }

  // MARK: The device's thread

  func activate(_ device: VsockDevice, _ loop: EventLoop) {
    self.device = device
    self.loop = loop
    shared.withLock { $0.loop = loop }
    openRequested()
    resume()
  }

  func deactivate() {
    shared.withLock { $0.loop = nil }
    pause()
    for fd in clients.keys { loop?.remove(fd) }
    clients = [:]
    device = nil
    loop = nil
  }

  /// The socket for the guest's first connection to a port of the host; nil for all others.
  func take(awaited port: UInt32) -> SharedDescriptor? {
    shared.withLock { shared in
      guard let index = shared.awaited.firstIndex(where: { $0.port == port }) else { return nil }
      return shared.awaited.remove(at: index).socket
    }
  }

  private func openRequested() {
    guard let device else { return }
    while device.hasRoom,
      let (port, socket) = shared.withLock({ shared in
        shared.requested.isEmpty ? nil : shared.requested.removeFirst()
      })
    {
      open(port, socket, isGreeted: false)
    }
    device.advance()
  }

  private func open(_ guestPort: UInt32, _ socket: SharedDescriptor, isGreeted: Bool) {
    guard let device else { return }
    while device.streams[VsockDevice.key(nextPort, guestPort)] != nil { nextPort = following() }
    let connection = VsockConnection(requestingFrom: nextPort, to: guestPort)
    nextPort = following()
    // Refused by the loop, the socket closes with its last reference.
    _ = device.open(connection, socket, isGreeted: isGreeted)
  }

  private func following() -> UInt32 {
    nextPort == UInt32.max - 1 ? Self.firstPort : nextPort + 1
  }

  /// Listens again, once there is room.
  func resume() {
    guard let loop, let device, device.hasRoom else { return }
    if shared.withLock({ !$0.requested.isEmpty }) {
      loop.post { [weak self] in self?.openRequested() }
    }
    guard !isListening, listener.rawValue >= 0 else { return }
    do throws(SystemError) {
      try loop.add(listener.rawValue, UInt32(CL_EPOLLIN)) { [weak self] _ in self?.accept() }
      isListening = true
    } catch {
      // Without the listener in the loop only `connect` works: nobody could be told here.
      isListening = false
    }
  }

  /// Whether it has stopped listening, for want of room or of descriptors.
  var isPaused: Bool { !isListening && listener.rawValue >= 0 }

  private func pause() {
    guard isListening else { return }
    isListening = false
    loop?.remove(listener.rawValue)
  }

  private func accept() {
    guard let device, let loop else { return }
    guard device.streams.count + clients.count < VsockDevice.connectionLimit else {
      pause()
      return
    }
    let fd = cl_accept4(listener.rawValue, cl_sock_cloexec() | cl_sock_nonblock())
    guard fd >= 0 else {
      // Out of descriptors: it would be called for nothing until a connection ends.
      if fd != -EAGAIN, fd != -EINTR, fd != -ECONNABORTED { pause() }
      return
    }
    let client = SharedDescriptor(FileDescriptor(owning: fd))
    do throws(SystemError) {
      try loop.add(fd, UInt32(CL_EPOLLIN) | UInt32(CL_EPOLLRDHUP) | CL_EPOLLET) {
        [weak self] events in self?.greet(fd, events)
      }
      clients[fd] = client
    } catch {
      client.close()
    }
  }

  /// Reads `CONNECT PORT\n` as far as it has come, and nothing behind it.
  private func greet(_ fd: CInt, _ events: UInt32) {
    guard let client = clients[fd], let loop else { return }
    switch Self.port(in: fd) {
    case .port(let port):
      loop.remove(fd)
      clients[fd] = nil
      open(port, client, isGreeted: true)
      device?.advance()
    case .incomplete where events & UInt32(CL_EPOLLRDHUP | CL_EPOLLHUP) == 0: break
    case .incomplete, .wrong:
      loop.remove(fd)
      clients[fd] = nil
      client.close()
      resume()
    }
  }

  enum Greeting: Equatable {
    case port(UInt32)
    case incomplete
    case wrong
  }

  private static func port(in fd: CInt) -> Greeting {
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = unsafe cl_stream_peek(fd, &bytes, bytes.count)
    guard count > 0 else { return count == -Int(EAGAIN) ? .incomplete : .wrong }
    guard let end = bytes[..<count].firstIndex(of: UInt8(ascii: "\n")) else {
      return count < bytes.count ? .incomplete : .wrong
    }
    let result = greeting(bytes[..<end])
    // Exactly the line: what follows it is the guest's.
    if result != .wrong { _ = unsafe cl_read(fd, &bytes, end + 1) }
    return result
  }

  /// The port of a line without its end.
  static func greeting(_ line: ArraySlice<UInt8>) -> Greeting {
    let word = Array("CONNECT ".utf8)
    guard line.starts(with: word) else { return .wrong }
    var port: UInt64 = 0
    let digits = line.dropFirst(word.count)
    guard (1...10).contains(digits.count) else { return .wrong }
    for digit in digits {
      guard (0x30...0x39).contains(digit) else { return .wrong }
      port = port * 10 + UInt64(digit - 0x30)
    }
    return UInt32(exactly: port).map(Greeting.port) ?? .wrong
  }
}

extension VsockDevice {
  /// A connection to a port of the guest: one end of a stream socket pair, at once.
  ///
  /// What is written before the guest has taken the connection waits; when it refuses, the end
  /// reads end-of-file. From any thread; EBUSY when 1024 wait already.
  public func connect(port: UInt32) throws(SystemError) -> FileDescriptor {
    try host.connect(port: port)
  }

  /// The first connection that the guest makes to a port of the host: one end of a stream socket
  /// pair, which has data once it is made. All others are refused.
  ///
  /// From any thread, before the guest starts; EBUSY for a port that is awaited already.
  public func awaitConnection(port: UInt32) throws(SystemError) -> FileDescriptor {
    try host.await(port: port)
  }
}
