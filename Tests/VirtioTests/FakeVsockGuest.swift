import CLinux
import GuestMemory
import Linux

@testable import Virtio

/// The driver's side of a vsock device, with packets instead of sockets: it says what a test wants.
final class FakeVsockGuest: @unchecked Sendable {
  static let cid: UInt64 = 3
  /// The room of a buffer for a packet, header included.
  let bufferSize: Int

  let device: VsockDevice
  let loop: EventLoop
  let receiving: FakeRing
  let sending: FakeRing
  private let memory: GuestMemory
  private let interrupt = WaitableInterrupt()
  private let kicks: [FileDescriptorBox]
  private let buffers: UInt64
  private var sendSlot: UInt16 = 0

  /// What a header says of the guest's own buffer unless told otherwise.
  var window: UInt32 = 1 << 18
  var forwarded: UInt32 = 0

  init(
    bufferSize: Int = 4096 + 44, ringSize: UInt16 = 32, listener: CInt = -1,
    offersBuffers: Bool = true
  ) throws {
    self.bufferSize = bufferSize
    let step = (bufferSize + 4095) / 4096 * 4096
    let needed = UInt64(step * Int(ringSize) * 2 + (1 << 20))
    memory = guestMemory(megabytes: (needed >> 20) / 2 * 2 + 4)
    receiving = FakeRing(memory, size: ringSize)
    sending = FakeRing(memory, size: ringSize, at: 0x10000)
    buffers = 0x20000
    device =
      listener < 0
      ? VsockDevice(guestCID: 3, listener: nil)
      : VsockDevice(guestCID: 3, listener: FileDescriptor(owning: listener))
    loop = try EventLoop(name: "test")
    kicks = try (0..<2).map { _ in try FileDescriptorBox(eventfd: ()) }
    let queues = [receiving, sending].enumerated().map { index, ring in
      Virtqueue(
        memory: memory, layout: ring.layout, features: Feature.version1,
        kick: kicks[index].number, interrupt: interrupt)
    }
    let device = device
    for (index, kick) in kicks.enumerated() {
      try loop.add(eventfd: kick.number) { device.process(queue: index) }
    }
    try loop.start()
    if offersBuffers { for slot in 0..<ringSize { offer(slot, kicks: false) } }
    let loop = loop
    var failure: SystemError?
    loop.perform {
      do throws(SystemError) {
        try device.activate(queues, features: Feature.version1, loop)
      } catch { failure = error }
    }
    if let failure { throw failure }
  }

  deinit { close() }

  func close() {
    let device = device
    loop.perform { device.reset() }
    loop.stop()
  }

  private func address(_ slot: UInt16, of ring: FakeRing) -> UInt64 {
    let step = UInt64((bufferSize + 4095) / 4096 * 4096)
    return buffers + UInt64(slot) * step + (ring === sending ? step * UInt64(ring.layout.size) : 0)
  }

  /// Gives the device a buffer for a packet.
  func offer(_ slot: UInt16, kicks: Bool = true) {
    receiving.offer(
      [(address(slot, of: receiving), UInt32(bufferSize), true)], first: slot)
    if kicks { kick(0) }
  }

  func kick(_ queue: Int) { _ = cl_eventfd_signal(kicks[queue].number) }

  /// The next packet of the device; nil when none comes within ten seconds.
  func receive() -> (header: VsockHeader, data: [UInt8])? {
    while true {
      if let packet = receiveNow() { return packet }
      guard interrupt.wait() else { return nil }
    }
  }

  /// A packet that is there already. Its buffer is given back at once.
  func receiveNow() -> (header: VsockHeader, data: [UInt8])? {
    guard let (head, length) = receiving.take() else { return nil }
    let bytes = receiving.bytes(address(UInt16(head), of: receiving), Int(length))
    offer(UInt16(head))
    let header = bytes.withUnsafeBytes { VsockHeader($0) }
    return (header, Array(bytes.dropFirst(VsockHeader.size)))
  }

  /// Waits until the device has done all that it was given.
  func settle() { for _ in 0..<2 { loop.perform {} } }

  /// A header from a port of the guest to one of the host.
  func header(
    _ operation: VsockHeader.Operation, from guestPort: UInt32, to hostPort: UInt32,
    flags: UInt32 = 0
  ) -> VsockHeader {
    var header = VsockHeader()
    header.sourceCID = Self.cid
    header.targetCID = 2
    header.sourcePort = guestPort
    header.targetPort = hostPort
    header.rawOperation = operation.rawValue
    header.flags = flags
    header.window = window
    header.forwarded = forwarded
    return header
  }

  /// Sends a packet and waits until the device has taken it; false when it does not in ten seconds.
  ///
  /// The header's length is that of the data, unless `length` says otherwise.
  @discardableResult
  func send(_ header: VsockHeader, _ data: [UInt8] = [], length: UInt32? = nil) -> Bool {
    post(header, data, length: length)
    while sending.take() == nil {
      guard interrupt.wait() else { return false }
    }
    return true
  }

  /// Sends a packet without waiting for anything.
  func post(_ header: VsockHeader, _ data: [UInt8] = [], length: UInt32? = nil) {
    var header = header
    header.length = length ?? UInt32(data.count)
    var bytes = [UInt8](repeating: 0, count: VsockHeader.size)
    bytes.withUnsafeMutableBytes { header.store(into: $0) }
    post(bytes + data)
  }

  func post(_ bytes: [UInt8]) {
    let slot = sendSlot
    sendSlot = (sendSlot + 1) % sending.layout.size
    sending.fill(address(slot, of: sending), bytes)
    sending.offer([(address(slot, of: sending), UInt32(bytes.count), false)], first: slot)
    kick(1)
  }

  /// Answers the host's request for a connection: its header.
  func accept() -> VsockHeader? {
    guard let (request, _) = receive(), request.operation == .request else { return nil }
    send(header(.response, from: request.targetPort, to: request.sourcePort))
    return request
  }
}

/// An interrupt that a test waits for.
final class WaitableInterrupt: Interrupt, @unchecked Sendable {
  private let event = cl_eventfd(0)
  private(set) var fault: RingFault?
  deinit { _ = cl_close(event) }
  func signal() { _ = cl_eventfd_signal(event) }
  func signalConfiguration() {}
  func signalFault(_ fault: RingFault) { self.fault = fault }

  /// False when none comes within ten seconds.
  func wait() -> Bool {
    guard isReadable(event) else { return false }
    _ = cl_eventfd_take(event)
    return true
  }
}

/// A descriptor that several objects of a test use.
final class FileDescriptorBox: @unchecked Sendable {
  let number: CInt
  init(_ number: CInt) { self.number = number }
  convenience init(eventfd: Void) throws {
    self.init(try system("eventfd") { cl_eventfd(0) })
  }
  convenience init(_ descriptor: consuming FileDescriptor) { self.init(descriptor.release()) }
  deinit { _ = cl_close(number) }

  /// Exactly `count` bytes, fewer at the end; nil when they do not come within ten seconds.
  func read(_ count: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65536)
    while bytes.count < count {
      guard isReadable(number) else { return nil }
      let result = cl_read(number, &part, min(part.count, count - bytes.count))
      guard result > 0 else { break }
      bytes += part[..<result]
    }
    return bytes
  }

  @discardableResult
  func write(_ bytes: [UInt8]) -> Bool {
    (try? FileDescriptor.writeAll(number, bytes)) != nil
  }

  /// Whether the end of the stream is read within ten seconds.
  var isAtEnd: Bool { read(1)?.isEmpty == true }
}

/// Whether there is something to read, or the end, within ten seconds.
func isReadable(_ fd: CInt) -> Bool {
  var polled = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
  while true {
    let result = cl_poll(&polled, 1, 10_000)
    if result != -EINTR { return result > 0 }
  }
}
