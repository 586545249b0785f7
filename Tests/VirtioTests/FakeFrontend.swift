import CLinux
import GuestMemory
import Linux

@testable import Virtio

/// The other program of vhost-user: it has the guest's memory, and sends messages as qemu does.
final class FakeFrontend {
  /// Where it has the memory mapped, as it says; not where it is here.
  static let userBase: UInt64 = 0x7f00_0000_0000

  let memory: GuestMemory
  private let socket: FileDescriptorBox
  private let loop: EventLoop
  private let backend: VhostUserBackend
  private let file: CInt
  private let size: UInt64
  /// How the back-end's side ended: the outer value is nil while it has not.
  private let end = Locked<VhostUserFault??>(nil)
  private let ended = cl_eventfd(0)

  init(_ device: any VirtioDevice, megabytes: UInt64 = 4) throws {
    let size = megabytes << 20
    let file = try system("memfd_create") { cl_memfd_create("guest", 3) }
    try system("ftruncate") { cl_ftruncate(file, Int(size)) }
    try system("fcntl") { cl_seal_memory(file) }
    let base = cl_mmap(nil, Int(size), PROT_READ | PROT_WRITE, CInt(CL_MAP_SHARED), file, 0)!
    (self.size, self.file) = (size, file)
    memory = GuestMemory(regions: [.init(guestAddress: 0, size: size, base: base, fd: file)])
    var fds: [CInt] = [-1, -1]
    try system("socketpair") { cl_socketpair(cl_sock_type(0) | cl_sock_cloexec(), &fds) }
    socket = FileDescriptorBox(fds[0])
    loop = try EventLoop(name: "test")
    let (end, ended) = (end, ended)
    backend = try VhostUserBackend(device, socket: FileDescriptor(owning: fds[1]), loop) { fault in
      end.withLock { $0 = .some(fault) }
      _ = cl_eventfd_signal(ended)
    }
    try loop.start()
  }

  deinit {
    let backend = backend
    loop.perform { backend.close() }
    loop.stop()
    _ = cl_munmap(memory.regions[0].base, Int(size))
    _ = cl_close(file)
    _ = cl_close(ended)
  }

  static func bytes(_ values: UInt64...) -> [UInt8] {
    var bytes: [UInt8] = []
    for value in values { bytes.append64(value) }
    return bytes
  }

  /// Two 32-bit values.
  static func pair(_ first: UInt32, _ second: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append32(first)
    bytes.append32(second)
    return bytes
  }

  func send(
    _ request: UInt32, _ payload: [UInt8] = [], fds: [CInt] = [], flags: UInt32 = 1,
    length: UInt32? = nil
  ) {
    var bytes: [UInt8] = []
    bytes.append32(request)
    bytes.append32(flags)
    bytes.append32(length ?? UInt32(payload.count))
    sendRaw(bytes + payload, fds: fds)
  }

  func send(_ request: VhostUserMessage.Request, _ payload: [UInt8] = [], fds: [CInt] = []) {
    send(request.rawValue, payload, fds: fds)
  }

  /// The back-end may have closed already.
  func sendRaw(_ bytes: [UInt8], fds: [CInt] = []) {
    _ = cl_send_fds(socket.number, bytes, bytes.count, fds, fds.count)
  }

  /// The payload of the next answer.
  func answer() -> [UInt8]? {
    guard let header = socket.read(12), header.count == 12 else { return nil }
    var fields = VhostUserFields(Array(header[4...]))
    guard fields.next32() == 5 else { return nil }
    return socket.read(Int(fields.next32()))
  }

  func ask(_ request: VhostUserMessage.Request, _ payload: [UInt8] = []) -> [UInt8]? {
    send(request, payload)
    return answer()
  }

  /// The memory in one region, or as a table says.
  func sendMemory(_ table: [[UInt64]]? = nil, fds: [CInt]? = nil, count: UInt32? = nil) {
    let table = table ?? [[0, size, Self.userBase, 0]]
    var payload = Self.pair(count ?? UInt32(table.count), 0)
    for region in table { for value in region { payload.append64(value) } }
    send(.setMemoryTable, payload, fds: fds ?? table.map { _ in file })
  }

  /// As qemu begins: features, owner, memory.
  func begin(features: UInt64 = Feature.version1) {
    send(.setProtocolFeatures, Self.bytes(VhostUserBackend.ProtocolFeature.all))
    send(.setOwner)
    send(.setFeatures, Self.bytes(features | VhostUserBackend.protocolFeatures))
    sendMemory()
  }

  /// Tells of a ring; its eventfds are the caller's.
  func start(_ index: UInt32, _ ring: FakeRing, kick: CInt, call: CInt, base: UInt16 = 0) {
    send(.setRingSize, Self.pair(index, UInt32(ring.layout.size)))
    send(.setRingBase, Self.pair(index, UInt32(base)))
    send(
      .setRingAddress,
      Self.pair(index, 0)
        + Self.bytes(
          ring.layout.descriptors + Self.userBase, ring.layout.used + Self.userBase,
          ring.layout.available + Self.userBase, 0))
    send(.setRingKick, Self.bytes(UInt64(index)), fds: [kick])
    send(.setRingCall, Self.bytes(UInt64(index)), fds: [call])
  }

  /// What the back-end ended with; waits ten seconds for that.
  func awaitEnd() -> VhostUserFault?? {
    guard isReadable(ended) else { return nil }
    return end.withLock { $0 }
  }

  func closeSocket() { _ = cl_shutdown(socket.number, CInt(SHUT_RDWR)) }
  func expectAlive() -> Bool { ask(.getQueueCount) != nil }
}
