internal import Boot
internal import CLinux
internal import GuestMemory
internal import KVM
internal import Linux
internal import Platform
internal import Virtio

/// The virtio devices of a machine, in the order of their windows: fs, vsock, console, rng, balloon.
///
/// The last three are hidden until the guest has begun: its kernel would spend 40 of 1200 ms on them in the testbed.
final class MachineDevices: Sendable {
  /// How many windows the machine's layout has to have.
  static let count = 5
  /// What the guest mounts.
  private static let fileSystemTag = "swrun"

  let space: MMIOSpace
  private let pages: RegisterPages
  private let loop: EventLoop
  private let fileSystem: FilesystemDevice

  init(
    memory: GuestMemory, console: ConsoleLog, files: FileRequests, fileQueues: Int,
    vsock: any VirtioDevice, hasRandomNumbers: Bool
  ) throws(SystemError) {
    loop = try EventLoop(name: "devices")
    fileSystem = try FilesystemDevice(
      tag: Self.fileSystemTag, requestQueues: fileQueues,
      window: memory.window.map {
        SharedMemory(id: 0, guestAddress: $0.guestAddress, size: $0.size)
      }, handler: files)
    let devices: [(device: any VirtioDevice, isHidden: Bool)] = [
      (fileSystem, false), (vsock, false),
      (unsafe ConsoleDevice { unsafe console.append($0) }, true),
      // Without it a processor that has no random numbers would keep the guest's first process waiting for some.
      (try RandomDevice(), hasRandomNumbers), (BalloonDevice(memory: memory), true),
    ]
    var transports: [MMIOTransport] = []
    pages = try RegisterPages(count: devices.count)
    for (index, (device, isHidden)) in devices.enumerated() {
      transports.append(
        try unsafe MMIOTransport(
          device: device, memory: memory, loop: loop, page: pages.page(index),
          isHidden: isHidden))
    }
    space = MMIOSpace(transports: transports)
  }

  /// Binds kicks and interrupts to the machine: neither needs this process's threads. What the guest
  /// reads of the windows becomes memory of slot `slot`, so that an interrupt takes no exit to here.
  func connect(
    to machine: VirtualMachine, _ windows: [MachineLayout.Window], slot: UInt32
  ) throws(SystemError) {
    guard let first = windows.first else { return }
    unsafe try machine.setMemory(
      slot: slot, guestAddress: first.base, pages.base, size: UInt64(pages.size), isReadOnly: true)
    for (transport, window) in zip(space.transports, windows) {
      for (queue, kick) in transport.kicks.enumerated() {
        try machine.connect(
          writesOf: UInt32(queue), at: window.base + MMIOTransport.notifyOffset, to: kick)
      }
      try machine.connect(
        writesOf: MMIOTransport.usualAcknowledgement,
        at: window.base + MMIOTransport.acknowledgeOffset, to: pages.acknowledged.rawValue)
      try machine.connect(interrupt: window.interrupt, to: transport.interruptEvent)
    }
  }

  /// Shows the devices that the guest can begin without: for when it has begun.
  func revealAll() { for transport in space.transports { transport.reveal() } }

  /// Starts the devices' threads; once.
  func start(_ watch: FaultWatch?) throws(SystemError) {
    try fileSystem.start()
    try watch?.start(on: loop)
    loop.post { ThreadRole.device.enter() }
    try loop.start()
  }

  func limitFileServer() { fileSystem.adjustThreads() }

  /// Takes the guest's memory from the devices and ends their threads; after the processors' end.
  func stop() {
    for transport in space.transports { transport.shutDown() }
    fileSystem.stop()
    loop.stop()
  }
}

/// The pages of all windows' registers, side by side as the windows are.
@safe private final class RegisterPages: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let size: Int
  /// What the usual acknowledgement of an interrupt is counted in; nobody asks for the sum.
  let acknowledged: FileDescriptor

  init(count: Int) throws(SystemError) {
    size = count * Int(MMIOTransport.windowSize)
    acknowledged = FileDescriptor(owning: try system("eventfd", "interrupts") { cl_eventfd(0) })
    guard
      let memory = unsafe cl_mmap(
        nil, size, PROT_READ | PROT_WRITE, CInt(CL_MAP_PRIVATE | CL_MAP_ANONYMOUS), -1, 0)
    else { throw SystemError(cl_errno(), "mmap", "registers of \(count) devices") }
    unsafe base = unsafe memory
  }

  deinit { _ = unsafe cl_munmap(base, size) }

  func page(_ index: Int) -> UnsafeMutableRawPointer {
    unsafe base + index * Int(MMIOTransport.windowSize)
  }
}
