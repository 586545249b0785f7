internal import CLinux
internal import Linux

/// The host's side of one connection: its socket, and what the guest sent that the socket had no
/// room for yet, at most `VsockConnection.window` bytes.
@safe final class VsockStream {
  var connection: VsockConnection
  /// Whether the host's process waits for the line `OK PORT`.
  let isGreeted: Bool
  /// Whether it stands in the device's queue of streams that may have something for the guest.
  var isScheduled = false

  private let socket: SharedDescriptor
  private let loop: EventLoop
  /// What the socket is known to be ready for, until a call says otherwise (EPOLLET).
  private var isReadable = true
  private var isWritable = true
  private var isHungUp = false
  /// The host's process reads nothing more: what the guest sends is thrown away.
  private var isUnwanted = false
  private var isWaitingToWrite = false
  private var hasShutDownWriting = false
  /// What was not written yet begins at `backlogStart`.
  private var backlog: [UInt8] = []
  private var backlogStart = 0

  /// Takes a connected stream socket; `wake` is called when something happens on it.
  init(
    _ connection: VsockConnection, _ socket: SharedDescriptor, isGreeted: Bool, _ loop: EventLoop,
    wake: @escaping (VsockStream) -> Void
  ) throws(SystemError) {
    self.connection = connection
    self.socket = socket
    self.isGreeted = isGreeted
    self.loop = loop
    try loop.add(socket.rawValue, Self.readEvents) { [weak self] events in
      guard let self else { return }
      self.note(events)
      wake(self)
    }
  }

  private static let readEvents = UInt32(CL_EPOLLIN) | UInt32(CL_EPOLLRDHUP) | CL_EPOLLET

  private var isOpen: Bool { socket.rawValue >= 0 }
  private var isFlushed: Bool { backlogStart == backlog.count }

  /// Nothing is left to do for either side.
  var isOver: Bool { connection.state == .ended && connection.pending.isEmpty && !isOpen }

  /// Whether the guest is to get a packet now.
  var hasPacket: Bool {
    !connection.pending.isEmpty || (isReadable && isOpen && connection.credit > 0)
  }

  private func note(_ events: UInt32) {
    if events & ~UInt32(CL_EPOLLOUT) != 0 { isReadable = true }
    if events & UInt32(CL_EPOLLOUT) != 0 { isWritable = true }
    if events & UInt32(CL_EPOLLHUP | CL_EPOLLERR) != 0 { isHungUp = true }
  }

  // MARK: From the guest to the socket

  /// The guest took the connection: its client hears so before any data.
  func greet() {
    guard isGreeted else { return }
    let line = Array("OK \(connection.hostPort)\n".utf8)
    // The socket is empty, so the line fits; a client that is gone is seen later.
    _ = unsafe line.withUnsafeBytes { unsafe send($0) }
  }

  /// Writes `count` bytes of the chain, which begin behind its header, and keeps what does not fit.
  func deliver(_ chain: DescriptorChain, count: Int, scratch: VsockScratch) {
    var written = 0
    if isFlushed, isWritable, isOpen, !isUnwanted {
      let vectors = unsafe scratch.vectors(
        chain.readable, skipping: VsockHeader.size, limit: count)
      written = take(unsafe cl_stream_send(socket.rawValue, vectors.baseAddress!, vectors.count))
    }
    connection.forward(UInt32(written))
    let rest = count - written
    if rest == 0 { return }
    if !isOpen || isUnwanted {
      connection.forward(UInt32(rest))
      return
    }
    keep(chain, from: VsockHeader.size + written, count: rest)
    if isWritable { flush() }
    updateInterest()
  }

  /// Goes on with what happened on the socket, or was asked by the guest.
  func advance() {
    guard isOpen else { return }
    flush()
    if connection.state == .requested {
      // A client that has left without a word needs no connection.
      if isHungUp, cl_stream_available(socket.rawValue) <= 0 {
        connection.reset()
        close()
      }
      return
    }
    if isHungUp {
      // What the guest will never read need not be waited for.
      let isAll = connection.guestEnded.contains(.receive) || connection.hostEnded.contains(.send)
      connection.end(isAll ? .both : .receive)
      if connection.hostEnded == .both { close() }
    }
    if isOpen, isFlushed { finishWriting() }
    if isOpen {
      updateInterest()
      askForCredit()
    }
  }

  /// All that the guest sent has left: passes on what it said after that.
  private func finishWriting() {
    if connection.state == .ended || connection.guestEnded == .both {
      // The answer to a full shutdown (virtio 1.2, 5.10.6.5).
      connection.reset()
      close()
    } else if connection.guestEnded.contains(.send), !hasShutDownWriting {
      hasShutDownWriting = true
      _ = cl_shutdown(socket.rawValue, CInt(SHUT_WR))
    }
  }

  /// The guest reads nothing more: the host's process is told with its next write.
  func stopReading() {
    isReadable = false
    if isOpen { _ = cl_shutdown(socket.rawValue, CInt(SHUT_RD)) }
  }

  private func flush() {
    while !isFlushed, isWritable, isOpen {
      let written = unsafe backlog.withUnsafeBytes {
        unsafe send(UnsafeRawBufferPointer(rebasing: $0[backlogStart...]))
      }
      if isUnwanted {
        connection.forward(UInt32(backlog.count - backlogStart))
        backlogStart = backlog.count
      } else {
        connection.forward(UInt32(written))
        backlogStart += written
      }
    }
    if isFlushed, !backlog.isEmpty {
      backlog = []
      backlogStart = 0
    }
  }

  private func send(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard let base = bytes.baseAddress, bytes.count > 0 else { return 0 }
    var vector = unsafe iovec(
      iov_base: UnsafeMutableRawPointer(mutating: base), iov_len: bytes.count)
    return take(unsafe cl_stream_send(socket.rawValue, &vector, 1))
  }

  /// The bytes that a send took; notes what its error says.
  private func take(_ result: Int) -> Int {
    if result >= 0 { return result }
    if result == -Int(EAGAIN) {
      isWritable = false
    } else if result != -Int(EINTR) {
      isUnwanted = true
      connection.end(.receive)
    }
    return 0
  }

  private func keep(_ chain: DescriptorChain, from offset: Int, count: Int) {
    if backlogStart > 0 {
      backlog.removeFirst(backlogStart)
      backlogStart = 0
    }
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = unsafe chain.read(into: UnsafeMutableRawBufferPointer(buffer), from: offset)
    }
    backlog += bytes
  }

  /// EPOLLOUT only while something waits for it: each read of the peer would wake the loop.
  private func updateInterest() {
    let isWaiting = !isFlushed && !isWritable
    guard isWaiting != isWaitingToWrite, isOpen else { return }
    isWaitingToWrite = isWaiting
    let events = Self.readEvents | (isWaiting ? UInt32(CL_EPOLLOUT) : 0)
    // It fails only for a descriptor that is not in the loop.
    try? loop.change(socket.rawValue, events)
  }

  // MARK: From the socket to the guest

  /// Fills the chain with the next packet; the number of bytes written, nil when there is none.
  func fill(_ chain: DescriptorChain, guestCID: UInt32, scratch: VsockScratch) -> Int? {
    if let header = connection.nextControl() {
      return scratch.write(header, guestCID: guestCID, to: chain)
    }
    if let written = fillData(chain, guestCID: guestCID, scratch: scratch) { return written }
    // The end of the data, or the wish for credit, is a packet of its own.
    return connection.nextControl().map {
      scratch.write($0, guestCID: guestCID, to: chain)
    }
  }

  private func fillData(
    _ chain: DescriptorChain, guestCID: UInt32, scratch: VsockScratch
  ) -> Int? {
    guard isReadable, isOpen, connection.state == .established else { return nil }
    let room = min(Int(connection.credit), chain.writableBytes - VsockHeader.size)
    guard room > 0 else { return nil }
    let vectors = unsafe scratch.vectors(chain.writable, skipping: VsockHeader.size, limit: room)
    let count = unsafe cl_stream_receive(socket.rawValue, vectors.baseAddress!, vectors.count)
    if count > 0 {
      let header = connection.data(UInt32(count))
      askForCredit()
      return scratch.write(header, guestCID: guestCID, to: chain) + count
    }
    if count == -Int(EINTR) { return nil }
    isReadable = false
    if count == -Int(EAGAIN) { return nil }
    // The end, or a peer that left with data unread: both are the end of what the guest gets.
    connection.end(isHungUp || count < 0 ? .both : .send)
    if connection.hostEnded == .both { close() }
    return nil
  }

  /// With more data and no credit left, the guest is asked, once.
  private func askForCredit() {
    if connection.credit == 0, isReadable, cl_stream_available(socket.rawValue) > 0 {
      connection.askForCredit()
    }
  }

  // MARK: The end

  /// Ends the stream on both sides now, what is buffered included.
  func abort() {
    connection.reset()
    close()
  }

  /// Lets go of the socket, so that its peer reads an end and no error.
  func close() {
    guard isOpen else { return }
    loop.remove(socket.rawValue)
    _ = cl_shutdown(socket.rawValue, CInt(SHUT_RDWR))
    // Unread data makes the peer's end ECONNRESET; after the shutdown no more comes.
    var room = 1 << 20
    var bytes = [UInt8](repeating: 0, count: 4096)
    while room > 0 {
      let count = unsafe cl_read(socket.rawValue, &bytes, bytes.count)
      if count <= 0 { break }
      room -= count
    }
    socket.close()
    connection.forward(UInt32(backlog.count - backlogStart))
    backlog = []
    backlogStart = 0
  }
}
