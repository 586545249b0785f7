internal import Boot
internal import CLinux
internal import FileServer
internal import Linux
internal import MachinePlan
internal import Platform
internal import Virtio

/// A virtual machine that qemu emulates, for hosts whose /dev/kvm can't run a guest. Its file system
/// and vsock devices are ours, served over vhost-user.
final class QEMUMachine: Engine, @unchecked Sendable {
  let console: ConsoleLog
  private let process: QEMUProcess
  private let loop: EventLoop
  private let files: FilesystemDevice
  private var backends: [VhostUserBackend] = []
  private let ending: MachineEnding
  private let vsock: VsockDevice
  /// What qemu writes to its error stream, and to its monitor.
  private let complaints = ConsoleLog(file: -1)
  private let events = ConsoleLog(file: -1)
  /// The wait status, once there is one; then the number of the process is nobody's.
  private let status = Locked<CInt?>(nil)

  /// Makes qemu's process, which waits for `start`. While this process has one thread, and before
  /// the jail: qemu needs its own libraries and firmware.
  init(
    _ plan: MachinePlan, console: ConsoleLog, files server: FileServer, vsock: VsockDevice
  ) throws(RuntimeError) {
    self.console = console
    self.vsock = vsock
    guard unsafe cl_faccessat(AT_FDCWD, plan.qemu, X_OK, 0) == 0 else {
      throw RuntimeError(
        "engine qemu: \(plan.qemu) is not there", advice: "apt-get install qemu-system-x86")
    }
    try Self.checkRoom(plan)
    let made = try step("engine qemu") { () throws(SystemError) in
      try Made(
        plan, server, try QEMUProcess.streamPair(), try QEMUProcess.streamPair())
    }
    (process, loop, self.files, ending) = (made.process, made.loop, made.files, made.ending)
    try step("engine qemu") { () throws(SystemError) in
      backends = [
        try serve("file system", made.files, made.filesSocket),
        try serve("vsock", vsock, made.vsockSocket),
      ]
      try watch()
    }
  }

  /// What qemu itself says of a kernel that does not fit tells nobody what to do.
  private static func checkRoom(_ plan: MachinePlan) throws(RuntimeError) {
    let initramfs =
      plan.initramfs >= 0 ? try BootFile(fd: plan.initramfs, name: "initramfs") : nil
    try BootLoader(
      kernel: try KernelImage(BootFile(fd: plan.kernel, name: plan.kernelPath)),
      initramfs: initramfs,
      commandLine: QEMUCommand.parameters(plan, counterRate: QEMUCommand.anyCounterRate),
      layout: try MachineLayout(memory: plan.memory, processors: plan.processors, devices: 0)
    ).check()
  }

  /// What can fail before there is a machine to clean up after.
  private struct Made {
    let process: QEMUProcess
    let loop: EventLoop
    let files: FilesystemDevice
    let ending: MachineEnding
    let filesSocket: SharedDescriptor
    let vsockSocket: SharedDescriptor

    init(
      _ plan: MachinePlan, _ server: FileServer, _ files: (SharedDescriptor, SharedDescriptor),
      _ vsock: (SharedDescriptor, SharedDescriptor)
    ) throws(SystemError) {
      process = try QEMUProcess(
        plan, files: files.1.rawValue, vsock: vsock.1.rawValue)
      files.1.close()
      vsock.1.close()
      (filesSocket, vsockSocket) = (files.0, vsock.0)
      loop = try EventLoop(name: "devices")
      self.files = try FilesystemDevice(
        tag: QEMUCommand.tag, requestQueues: plan.fileQueues, handler: FileRequests(server))
      ending = try MachineEnding()
    }
  }

  // MARK: Engine

  var ended: CInt { ending.event.rawValue }

  func outcome() -> MachineEnd? { ending.reason }

  func start() throws(RuntimeError) {
    try step("engine qemu") { () throws(SystemError) in
      try files.start()
      loop.post { ThreadRole.device.enter() }
      try loop.start()
      try process.start()
    }
  }

  func connect(port: UInt32) throws(SystemError) -> FileDescriptor {
    try vsock.connect(port: port)
  }

  /// qemu shows them from the start.
  func revealDevices() {}

  func limitFileServer() { files.adjustThreads() }

  func stop() {
    let isKilled = kill()
    loop.perform { [self] in
      for backend in backends { backend.close() }
    }
    files.stop()
    loop.stop()
    status.withLock { status in
      var result: CInt = 0
      // One that can't be killed ends with this process, and is not waited for.
      if status == nil, unsafe cl_waitpid(process.pid, &result, isKilled ? 0 : CInt(WNOHANG)) > 0 {
        status = result
      }
    }
    console.flush()
  }

  /// Whether it has ended, or is about to.
  @discardableResult
  private func kill() -> Bool {
    let result = cl_pidfd_send_signal(process.pidfd, SIGKILL)
    return result == 0 || result == -ESRCH
  }

  // MARK: What happens

  private func serve(
    _ name: String, _ device: any VirtioDevice, _ socket: SharedDescriptor
  ) throws(SystemError) -> VhostUserBackend {
    guard let descriptor = socket.take() else { throw SystemError(EBADF, "vhost-user", name) }
    return try VhostUserBackend(device, socket: descriptor, loop) { [weak self] fault in
      // Without a fault qemu is ending, which its process tells better.
      guard let self, let fault else { return }
      self.ending.report(.failure("qemu broke off its \(name) device: \(fault)"))
      self.kill()
    }
  }

  private func watch() throws(SystemError) {
    for (fd, log) in streams {
      try loop.add(fd, UInt32(CL_EPOLLIN)) { [weak self] _ in
        guard let self else { return }
        if !Self.read(fd, into: log) { self.loop.remove(fd) }
      }
    }
    try loop.add(process.pidfd, UInt32(CL_EPOLLIN)) { [weak self] _ in self?.reap() }
  }

  private var streams: [(CInt, ConsoleLog)] {
    [(process.serial, console), (process.complaints, complaints), (process.monitor, events)]
  }

  /// Takes what has come; false at the end.
  private static func read(_ fd: CInt, into log: ConsoleLog) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = unsafe cl_read(fd, &bytes, bytes.count)
    if count > 0 { log.append(bytes[..<count]) }
    return count > 0 || count == -Int(EAGAIN) || count == -Int(EINTR)
  }

  /// The process has ended: what it still said is read first.
  private func reap() {
    loop.remove(process.pidfd)
    var result: CInt = 0
    let isReaped = status.withLock { status in
      guard status == nil, unsafe cl_waitpid(process.pid, &result, CInt(WNOHANG)) > 0 else {
        return false
      }
      status = result
      return true
    }
    guard isReaped else { return }
    for (fd, log) in streams {
      // Bounded: a pipe or socket holds no more.
      for _ in 0..<256 where cl_has_bytes(fd) { _ = Self.read(fd, into: log) }
    }
    ending.report(end(result))
  }

  private func end(_ status: CInt) -> MachineEnd {
    let said = complaints.lastLines(6)
    let reason = said.isEmpty ? "" : ": \(said)"
    let signal = cl_ending_signal(status)
    if signal != 0 {
      let advice = signal == SIGKILL ? " (out of the cgroup's memory?)" : ""
      return .failure("qemu was ended by signal \(signal)\(advice)\(reason)")
    }
    let code = cl_exit_code(status)
    if code == 0 {
      // The last event says why (qemu's QMP reference, SHUTDOWN).
      let last = events.lastLines(3)
      if last.contains("\"guest-shutdown\"") { return .powerOff }
      if last.contains("\"guest-reset\"") || last.contains("\"guest-panic\"") { return .reset }
      return .failure("qemu ended by itself\(reason)")
    }
    if said.contains("vhost-user-") && said.contains("not a valid device model name") {
      return .failure(
        "this qemu lacks the devices vhost-user-fs-device and vhost-user-vsock-device, which"
          + " Debian's package qemu-system-x86 has\(reason)")
    }
    return .failure("qemu ended with exit code \(code)\(reason)")
  }
}
