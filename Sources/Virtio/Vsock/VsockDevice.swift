internal import CLinux
public import Linux

/// A virtio socket device in user space (virtio 1.2, 5.10), for streams only.
///
/// The host's side are unix stream sockets. A process connects to the listening one, writes
/// `CONNECT PORT\n` and reads `OK PORT\n` once the guest has taken the connection, as with
/// Firecracker. The guest reaches the host at one port, with one connection.
public final class VsockDevice: VirtioDevice, @unchecked Sendable {
  public let type: UInt32 = 19
  public let features: UInt64 = 0
  public let queueSizes: [UInt16] = [256, 256, 8]

  /// The host's context id (VMADDR_CID_HOST).
  static let hostCID: UInt64 = 2
  /// Connections at once; what is more waits at the listening socket, or is refused.
  static let connectionLimit = 1024
  /// Resets for packets without a connection that may wait for the guest's buffers.
  private static let resetLimit = 256
  /// Packets to the guest in one turn of the loop.
  private static let packetBudget = 256

  public let guestCID: UInt32
  let host: VsockHost
  let scratch = VsockScratch()

  // The device's thread alone uses what follows.
  private var receiving: Virtqueue?
  private var sending: Virtqueue?
  private(set) var loop: EventLoop?
  /// By `key`.
  private(set) var streams: [UInt64: VsockStream] = [:]
  /// Those that may have a packet, each once, in turn.
  private var schedule: [VsockStream] = []
  private var scheduleStart = 0
  private var resets: [VsockHeader] = []
  private var isSendingStalled = false

  /// `listener` is a listening unix stream socket; nil when only `connect` is used.
  public init(guestCID: UInt32, listener: consuming FileDescriptor?) {
    self.guestCID = guestCID
    host = VsockHost(listener)
  }

  static func key(_ hostPort: UInt32, _ guestPort: UInt32) -> UInt64 {
    UInt64(hostPort) << 32 | UInt64(guestPort)
  }

  // MARK: VirtioDevice

  public func readConfiguration(offset: UInt64, into bytes: UnsafeMutableRawBufferPointer) {
    let cid = UInt64(guestCID)
    for index in 0..<bytes.count {
      let (place, isBehind) = offset.addingReportingOverflow(UInt64(index))
      unsafe bytes[index] =
        place < 8 && !isBehind ? UInt8(truncatingIfNeeded: cid >> (8 * place)) : 0
    }
  }

  /// The driver has nothing to say there.
  public func writeConfiguration(offset: UInt64, _ bytes: UnsafeRawBufferPointer) {}

  public func activate(
    _ queues: [Virtqueue?], features: UInt64, _ loop: EventLoop
  ) throws(SystemError) {
    guard queues.count >= 2, let receiving = queues[0], let sending = queues[1] else {
      throw SystemError(EINVAL, "activate", "vsock: the queues rx and tx are needed")
    }
    self.receiving = receiving
    self.sending = sending
    self.loop = loop
    host.activate(self, loop)
    advance()
  }

  public func process(queue index: Int) {
    // Descriptors that were short may have come back without a stream of ours that ended.
    if host.isPaused { host.resume() }
    switch index {
    case 0: advance()
    case 1:
      takePackets()
      advance()
    default: break
    }
  }

  public func reset() {
    host.deactivate()
    for stream in streams.values { stream.close() }
    streams = [:]
    schedule = []
    scheduleStart = 0
    resets = []
    isSendingStalled = false
    receiving = nil
    sending = nil
    loop = nil
  }

  // MARK: Connections

  /// Makes a stream of a connection; false when the loop refuses its socket.
  func open(
    _ connection: VsockConnection, _ socket: SharedDescriptor, isGreeted: Bool
  ) -> Bool {
    guard let loop else { return false }
    do throws(SystemError) {
      let stream = try VsockStream(connection, socket, isGreeted: isGreeted, loop) {
        [weak self] stream in
        stream.advance()
        self?.settle(stream)
        self?.advance()
      }
      streams[Self.key(connection.hostPort, connection.guestPort)] = stream
      settle(stream)
      return true
    } catch {
      return false
    }
  }

  /// Whether another connection may be made.
  var hasRoom: Bool { streams.count < Self.connectionLimit }

  /// Forgets a stream that is over, and schedules one that may have a packet.
  private func settle(_ stream: VsockStream) {
    if stream.isOver {
      let key = Self.key(stream.connection.hostPort, stream.connection.guestPort)
      if streams[key] === stream {
        streams[key] = nil
        host.resume()
      }
    } else if stream.hasPacket, !stream.isScheduled {
      stream.isScheduled = true
      schedule.append(stream)
    }
  }

  // MARK: From the guest

  /// Takes the guest's packets; stops while too many answers wait for its buffers.
  private func takePackets() {
    guard let sending else { return }
    var budget = sending.size
    isSendingStalled = false
    repeat {
      sending.disableNotifications()
      while budget > 0, resets.count < Self.resetLimit, let chain = sending.next() {
        budget -= 1
        take(chain)
        sending.complete(chain, written: 0)
      }
      sending.notify()
      if resets.count >= Self.resetLimit {
        isSendingStalled = true
        return
      }
      if budget == 0 {
        // The rest in the loop's next turn: no guest holds the thread.
        _ = cl_eventfd_signal(sending.kick)
        return
      }
    } while sending.enableNotifications()
  }

  private func take(_ chain: DescriptorChain) {
    // What is not addressed from this guest to the host is dropped (virtio 1.2, 5.10.6.4.2).
    guard let header = scratch.readHeader(chain), header.sourceCID == UInt64(guestCID),
      header.targetCID == Self.hostCID
    else { return }
    let key = Self.key(header.targetPort, header.sourcePort)
    guard header.type == VsockHeader.stream, let stream = streams[key] else {
      answer(header)
      return
    }
    var event = stream.connection.receive(header)
    if case .data(let count) = event,
      Int(count) > max(0, chain.readableBytes - VsockHeader.size)
    {
      event = .violation
    }
    switch event {
    case .none: break
    case .opened: stream.greet()
    case .data(let count): stream.deliver(chain, count: Int(count), scratch: scratch)
    case .shutdown(let halves):
      if halves.contains(.receive) { stream.stopReading() }
      stream.advance()
    case .reset: stream.advance()
    case .violation: stream.abort()
    }
    settle(stream)
  }

  /// A packet without a connection: taken as one to the awaited port, or refused.
  private func answer(_ header: VsockHeader) {
    if header.type == VsockHeader.stream, header.operation == .request, hasRoom,
      let socket = host.take(awaited: header.targetPort),
      open(VsockConnection(accepting: header), socket, isGreeted: false)
    {
      return
    }
    if header.operation == .reset { return }
    var reset = VsockHeader()
    reset.type = header.type
    reset.sourcePort = header.targetPort
    reset.targetPort = header.sourcePort
    reset.rawOperation = VsockHeader.Operation.reset.rawValue
    resets.append(reset)
  }

  // MARK: To the guest

  /// Gives the guest what waits for it, as long as it has buffers.
  func advance() {
    guard let receiving else { return }
    var budget = Self.packetBudget
    while fill(receiving, &budget) {
      // No buffer: the guest is asked for a kick, and may have put one there meanwhile.
      if !receiving.enableNotifications() { break }
    }
    receiving.notify()
    if isSendingStalled, resets.count < Self.resetLimit, let sending {
      _ = cl_eventfd_signal(sending.kick)
    }
  }

  /// Fills buffers; whether there is more to tell than there are.
  private func fill(_ receiving: Virtqueue, _ budget: inout Int) -> Bool {
    receiving.disableNotifications()
    while !resets.isEmpty || scheduleStart < schedule.count {
      if budget == 0 {
        _ = cl_eventfd_signal(receiving.kick)
        return false
      }
      guard let chain = receiving.next() else { return !receiving.isBroken }
      budget -= 1
      guard chain.writableBytes >= VsockHeader.size else {
        receiving.complete(chain, written: 0)
        continue
      }
      if let written = fill(chain) {
        receiving.complete(chain, written: written)
      } else {
        receiving.putBack(chain)
      }
    }
    return false
  }

  /// Fills one buffer with the next packet; nil when nobody has one after all.
  private func fill(_ chain: DescriptorChain) -> Int? {
    if let reset = resets.popLast() {
      return scratch.write(reset, guestCID: guestCID, to: chain)
    }
    while scheduleStart < schedule.count {
      let stream = schedule[scheduleStart]
      scheduleStart += 1
      if scheduleStart == schedule.count || scheduleStart >= 1024 {
        schedule.removeFirst(scheduleStart)
        scheduleStart = 0
      }
      stream.isScheduled = false
      let written = stream.fill(chain, guestCID: guestCID, scratch: scratch)
      settle(stream)
      if let written { return written }
    }
    return nil
  }
}
