internal import CLinux
public import Linux

/// Runs a virtio device for another program's virtual machine: the back-end side of vhost-user, as
/// qemu's documentation (interop/vhost-user) defines it.
///
/// The front-end is trusted no more than its guest: each message is checked, and what is wrong ends
/// the connection. All of it runs on the event loop.
public final class VhostUserBackend: @unchecked Sendable {
  /// The protocol's own bit among the features of a device.
  static let protocolFeatures: UInt64 = 1 << 30

  /// The largest ring that qemu offers a driver.
  static let ringSizeLimit: UInt32 = 1024

  /// The parts of the protocol that are offered, as bits.
  enum ProtocolFeature {
    static let multipleQueues: UInt64 = 1 << 0
    static let replyAcknowledge: UInt64 = 1 << 3
    static let configuration: UInt64 = 1 << 9
    static let resetDevice: UInt64 = 1 << 13
    static let all = multipleQueues | replyAcknowledge | configuration | resetDevice
  }

  public let device: any VirtioDevice
  private let loop: EventLoop
  private let onEnd: (VhostUserFault?) -> Void
  private var socket: VhostUserSocket?
  private var acceptedProtocol: UInt64 = 0
  private var features: UInt64?
  private var memory: VhostUserMemory?
  private var rings: [VhostUserRing] = []
  private var isActive = false

  /// Serves `socket`, which is connected to a front-end, from now on.
  ///
  /// Before the loop's start, or on its thread. `onEnd` is called there, once: with nil when the
  /// front-end closed the connection, else with what it did wrong.
  public init(
    _ device: any VirtioDevice, socket: consuming FileDescriptor, _ loop: EventLoop,
    onEnd: @escaping (VhostUserFault?) -> Void
  ) throws(SystemError) {
    self.device = device
    self.loop = loop
    self.onEnd = onEnd
    let fd = socket.rawValue
    self.socket = try VhostUserSocket(socket)
    for index in device.queueSizes.indices {
      rings.append(
        VhostUserRing(
          VhostUserInterrupt { [weak self] fault in self?.endSoon(.ring(index, fault)) }))
    }
    try loop.add(fd, UInt32(CL_EPOLLIN)) { [weak self] _ in self?.receive() }
  }

  /// Ends the connection; the device lets go of the guest's memory. On the loop's thread, or when it
  /// does not run any more.
  public func close() {
    guard let fd = socket?.descriptor.rawValue else { return }
    loop.remove(fd)
    deactivate()
    for index in rings.indices { rings[index].interrupt.replace(-1) }
    socket = nil
    memory = nil
  }

  /// From any thread, also from within the device.
  private func endSoon(_ fault: VhostUserFault) {
    loop.post { [weak self] in self?.end(fault) }
  }

  private func end(_ fault: VhostUserFault?) {
    guard socket != nil else { return }
    close()
    onEnd(fault)
  }

  // MARK: Messages

  private func receive() {
    do throws(VhostUserFault) {
      // One message a turn: no front-end holds the thread, and the loop calls again.
      switch try socket?.receive() {
      case .message(let message): try answer(message)
      case .nothing, nil: break
      case .end: end(nil)
      }
    } catch {
      end(error)
    }
  }

  private func answer(_ message: VhostUserMessage) throws(VhostUserFault) {
    if let reply = try handle(message) {
      try socket?.send(VhostUserMessage.reply(to: message.request, reply))
    } else if message.needsReply, acceptedProtocol & ProtocolFeature.replyAcknowledge != 0 {
      try socket?.send(VhostUserMessage.reply(to: message.request, Self.number(0)))
    }
  }

  private static func number(_ value: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append64(value)
    return bytes
  }

  /// Does what a request asks; the payload of its answer, nil for one without.
  private func handle(_ message: VhostUserMessage) throws(VhostUserFault) -> [UInt8]? {
    switch message.request {
    case .getFeatures:
      _ = try message.fields(0)
      return Self.number(device.features | Feature.ring | Self.protocolFeatures)
    case .setFeatures:
      try setFeatures(message)
    case .setOwner:
      _ = try message.fields(0)
    case .resetOwner, .resetDevice:
      _ = try message.fields(0)
      deactivate()
      for index in rings.indices { rings[index] = VhostUserRing(rings[index].interrupt) }
    case .getProtocolFeatures:
      _ = try message.fields(0)
      return Self.number(ProtocolFeature.all)
    case .setProtocolFeatures:
      var fields = try message.fields(8)
      let wanted = fields.next64()
      guard wanted & ~ProtocolFeature.all == 0 else {
        throw .badValue(message.request, "\(wanted) was not offered")
      }
      acceptedProtocol = wanted
    case .getQueueCount:
      _ = try message.fields(0)
      return Self.number(UInt64(rings.count))
    case .setMemoryTable:
      try setMemory(message)
    case .getConfiguration:
      return try readConfiguration(message)
    case .setConfiguration:
      try writeConfiguration(message)
    case .getRingBase:
      let (index, _) = try ringAndNumber(message)
      deactivate()
      rings[index].kick = nil
      var reply: [UInt8] = []
      reply.append32(UInt32(index))
      reply.append32(UInt32(rings[index].base))
      return reply
    case .setRingSize, .setRingAddress, .setRingBase, .setRingKick, .setRingCall, .setRingError,
      .setRingEnable:
      try setRing(message)
    }
    return nil
  }

  private func setFeatures(_ message: VhostUserMessage) throws(VhostUserFault) {
    var fields = try message.fields(8)
    let wanted = fields.next64()
    guard wanted & ~(device.features | Feature.ring | Self.protocolFeatures) == 0 else {
      throw .badValue(message.request, "\(wanted) holds what was not offered")
    }
    // Without it the rings would start without SET_VRING_ENABLE, in no known order.
    guard wanted & Self.protocolFeatures != 0, wanted & Feature.version1 != 0 || !isActive else {
      throw .badValue(message.request, "\(wanted) lacks the protocol features")
    }
    if isActive, wanted & ~Self.protocolFeatures != features {
      throw .badValue(message.request, "the device is active")
    }
    features = wanted & ~Self.protocolFeatures
  }

  private func setMemory(_ message: VhostUserMessage) throws(VhostUserFault) {
    let memory = try VhostUserMemory(message)
    if isActive {
      // qemu may send the table again; the same one changes nothing.
      guard let current = self.memory, current.isSame(as: memory) else {
        throw .badValue(message.request, "the device is active")
      }
      return
    }
    self.memory = memory
  }

  private func readConfiguration(_ message: VhostUserMessage) throws(VhostUserFault) -> [UInt8] {
    var fields = VhostUserFields(message.payload)
    let offset = fields.next32()
    let size = fields.next32()
    guard size <= 256, offset <= 256, message.payload.count == 12 + Int(size),
      message.descriptors.isEmpty
    else { throw .badLength(message.request, message.payload.count) }
    var reply = Array(message.payload[..<12])
    reply += unsafe [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
      unsafe buffer.initialize(repeating: 0)
      unsafe device.readConfiguration(
        offset: UInt64(offset), into: UnsafeMutableRawBufferPointer(buffer))
      count = Int(size)
    }
    return reply
  }

  private func writeConfiguration(_ message: VhostUserMessage) throws(VhostUserFault) {
    var fields = VhostUserFields(message.payload)
    let offset = fields.next32()
    let size = fields.next32()
    guard size <= 256, offset <= 256, message.payload.count == 12 + Int(size),
      message.descriptors.isEmpty
    else { throw .badLength(message.request, message.payload.count) }
    unsafe message.payload.withUnsafeBytes { bytes in
      unsafe device.writeConfiguration(
        offset: UInt64(offset), UnsafeRawBufferPointer(rebasing: bytes[12...]))
    }
  }

  // MARK: Rings

  private func setRing(_ message: VhostUserMessage) throws(VhostUserFault) {
    switch message.request {
    case .setRingKick, .setRingCall, .setRingError: try setDescriptor(message)
    case .setRingAddress: try setAddresses(message)
    default:
      let (index, number) = try ringAndNumber(message)
      if message.request == .setRingEnable {
        guard number <= 1 else { throw .badValue(message.request, "\(number)") }
        rings[index].isEnabled = number == 1
        if number == 0 { deactivate() } else { try activateIfReady() }
        return
      }
      guard rings[index].queue == nil else {
        throw .badValue(message.request, "queue \(index) is active")
      }
      if message.request == .setRingSize {
        // The front-end chooses: a device's own sizes are those that it would offer itself.
        guard number > 0, number <= Self.ringSizeLimit, number & (number - 1) == 0 else {
          throw .badValue(message.request, "\(number) descriptors")
        }
        rings[index].size = UInt16(number)
      } else {
        guard let base = UInt16(exactly: number) else {
          throw .badValue(message.request, "\(number)")
        }
        rings[index].base = base
      }
    }
  }

  private func ringAndNumber(
    _ message: VhostUserMessage
  ) throws(VhostUserFault) -> (ring: Int, number: UInt32) {
    var fields = try message.fields(8)
    let index = fields.next32()
    guard index < UInt32(rings.count) else { throw .badValue(message.request, "queue \(index)") }
    return (Int(index), fields.next32())
  }

  private func setAddresses(_ message: VhostUserMessage) throws(VhostUserFault) {
    var fields = try message.fields(40)
    let index = fields.next32()
    let flags = fields.next32()
    guard index < UInt32(rings.count) else { throw .badValue(message.request, "queue \(index)") }
    // Flag 1 asks for a log of what was written, which was not offered.
    guard flags == 0, rings[Int(index)].queue == nil else {
      throw .badValue(message.request, "flags \(flags), or queue \(index) is active")
    }
    let descriptors = fields.next64()
    let used = fields.next64()
    rings[Int(index)].addresses = VhostUserRing.Addresses(
      descriptors: descriptors, used: used, available: fields.next64())
  }

  private func setDescriptor(_ message: VhostUserMessage) throws(VhostUserFault) {
    var fields = VhostUserFields(message.payload)
    var number = fields.next64()
    // Bit 8: no descriptor comes along.
    let isWithout = number & 0x100 != 0
    number &= ~0x100
    _ = try message.fields(8, descriptors: isWithout ? 0 : 1)
    guard number < UInt64(rings.count) else { throw .badValue(message.request, "queue \(number)") }
    let index = Int(number)
    let descriptor = message.descriptors.first
    if let descriptor {
      // Neither a full nor an empty one may hold the thread.
      _ = cl_fcntl(descriptor.rawValue, F_SETFL, Int(O_NONBLOCK))
    }
    switch message.request {
    case .setRingKick:
      guard let descriptor, rings[index].queue == nil else {
        throw .badValue(message.request, "polling is not supported, nor a change while active")
      }
      rings[index].kick = descriptor
      // Another ring of a device that is active already: it goes on with all of them.
      deactivate()
      try activateIfReady()
    case .setRingCall: rings[index].interrupt.replace(descriptor?.take()?.release() ?? -1)
    default: break
    }
  }

  /// Starts the device once every ring that the front-end uses is enabled.
  private func activateIfReady() throws(VhostUserFault) {
    guard !isActive, let memory, let features, rings.contains(where: \.isStarted),
      rings.allSatisfy({ !$0.isStarted || $0.isEnabled })
    else { return }
    for index in rings.indices where rings[index].isStarted {
      guard let queue = rings[index].makeQueue(memory, features: features) else {
        throw .badValue(.setRingAddress, "queue \(index) is not in the guest's memory")
      }
      rings[index].queue = queue
    }
    isActive = true
    do throws(SystemError) {
      try device.activate(rings.map(\.queue), features: features, loop)
      for index in rings.indices {
        guard let queue = rings[index].queue, !device.watches(queue: index) else { continue }
        try loop.add(eventfd: queue.kick) { [device] in device.process(queue: index) }
      }
    } catch {
      throw .device(error)
    }
    // A kick may have come before the loop knew the descriptor.
    for index in rings.indices where rings[index].queue != nil { device.process(queue: index) }
  }

  /// Stops the device; the rings remember where they were.
  private func deactivate() {
    guard isActive else { return }
    isActive = false
    for index in rings.indices {
      guard let queue = rings[index].queue else { continue }
      if !device.watches(queue: index) { loop.remove(queue.kick) }
    }
    device.reset()
    for index in rings.indices {
      if let queue = rings[index].queue { rings[index].base = queue.position }
      rings[index].queue = nil
    }
  }
}
