internal import Boot
internal import GuestMemory
internal import KVM
internal import Linux
internal import Platform
internal import Virtio

/// The virtio devices of a machine, in the order of their windows: fs, vsock, console, rng, balloon.
final class MachineDevices: Sendable {
  /// How many windows the machine's layout has to have.
  static let count = 5
  /// What the guest mounts.
  private static let fileSystemTag = "swrun"

  let space: MMIOSpace
  private let loop: EventLoop
  private let fileSystem: FilesystemDevice

  init(
    memory: GuestMemory, console: ConsoleLog, files: FileRequests, vsock: any VirtioDevice
  ) throws(SystemError) {
    loop = try EventLoop(name: "devices")
    fileSystem = try FilesystemDevice(
      tag: Self.fileSystemTag,
      window: memory.window.map {
        SharedMemory(id: 0, guestAddress: $0.guestAddress, size: $0.size)
      }, handler: files)
    let devices: [any VirtioDevice] = [
      fileSystem, vsock, unsafe ConsoleDevice { unsafe console.append($0) },
      try RandomDevice(), BalloonDevice(memory: memory),
    ]
    var transports: [MMIOTransport] = []
    for device in devices {
      transports.append(try MMIOTransport(device: device, memory: memory, loop: loop))
    }
    space = MMIOSpace(transports: transports)
  }

  /// Binds kicks and interrupts to the machine: neither needs this process's threads.
  func connect(to machine: VirtualMachine, _ windows: [MachineLayout.Window]) throws(SystemError) {
    for (transport, window) in zip(space.transports, windows) {
      for (queue, kick) in transport.kicks.enumerated() {
        try machine.connect(
          writesOf: UInt32(queue), at: window.base + MMIOTransport.notifyOffset, to: kick)
      }
      try machine.connect(interrupt: window.interrupt, to: transport.interruptEvent)
    }
  }

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
