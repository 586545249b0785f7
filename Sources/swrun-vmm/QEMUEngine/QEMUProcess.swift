internal import CLinux
internal import Linux
internal import MachinePlan

/// The process that becomes qemu when it is told to: made while this process has one thread and sees
/// the host's files.
///
/// It has a file tree of its own, no capabilities, where possible another user, and six
/// descriptors.
final class QEMUProcess: Sendable {
  let pidfd: CInt
  let pid: pid_t
  /// Where the guest's serial port, qemu's complaints and its monitor are read.
  let serial: CInt
  let complaints: CInt
  let monitor: CInt
  private let release: CInt

  /// The user that qemu runs as: nobody's.
  private static let user: uid_t = 65534

  /// `files` and `vsock` are sockets that the devices' front-ends get.
  init(
    _ plan: MachinePlan, files: CInt, vsock: CInt
  ) throws(SystemError) {
    let nothing = try FileDescriptor.open("/dev/null", O_RDONLY)
    let (serial, complaints, gate) = (try Pipe(), try Pipe(), try Pipe())
    let (monitor, monitorEnd) = try Self.streamPair()
    let handed = [
      nothing.rawValue, serial.writer.rawValue, complaints.writer.rawValue, files, vsock,
      monitorEnd.rawValue, gate.reader.rawValue,
    ]
    var pidfd: CInt = -1
    let pid = try system("clone3", "qemu") {
      unsafe cl_clone3(UInt64(CL_CLONE_NEWNS), &pidfd, -1)
    }
    if pid == 0 { Self.become(plan, handed) }
    self.pid = pid
    self.pidfd = pidfd
    self.serial = Self.keep(serial.reader.take())
    self.complaints = Self.keep(complaints.reader.take())
    self.monitor = Self.keep(monitor.take())
    release = Self.keep(gate.writer.take())
    for fd in [self.serial, self.complaints, self.monitor] {
      _ = cl_fcntl(fd, F_SETFL, Int(O_NONBLOCK))
    }
  }

  deinit {
    for fd in [pidfd, serial, complaints, monitor, release] { _ = cl_close(fd) }
  }

  /// Lets it run qemu.
  func start() throws(SystemError) {
    try FileDescriptor.writeAll(monitor, Array("{\"execute\":\"qmp_capabilities\"}\n".utf8), "qemu")
    try FileDescriptor.writeAll(release, [1], "qemu")
  }

  /// Two connected stream sockets, close-on-exec.
  static func streamPair() throws(SystemError) -> (SharedDescriptor, SharedDescriptor) {
    var fds: (CInt, CInt) = (-1, -1)
    try system("socketpair", "qemu") {
      unsafe withUnsafeMutableBytes(of: &fds) {
        unsafe cl_socketpair(
          cl_sock_type(0) | cl_sock_cloexec(), $0.assumingMemoryBound(to: CInt.self).baseAddress!)
      }
    }
    return (
      SharedDescriptor(FileDescriptor(owning: fds.0)),
      SharedDescriptor(FileDescriptor(owning: fds.1))
    )
  }

  private static func keep(_ descriptor: consuming FileDescriptor?) -> CInt {
    descriptor.take()?.release() ?? -1
  }

  // MARK: In the new process

  private static func become(_ plan: MachinePlan, _ handed: [CInt]) -> Never {
    do throws(SystemError) {
      cl_reset_signals()
      try system("setsid") { cl_setsid() }
      try QEMUTree.enter(plan)
      try arrange(handed)
      try dropPrivileges()
      let arguments = CStringArray(
        QEMUCommand.arguments(plan, counterRate: cl_tsc_khz()))
      let environment = CStringArray([])
      try awaitStart()
      try system("execve", plan.qemu) {
        unsafe cl_execve(plan.qemu, arguments.pointer, environment.pointer)
      }
    } catch {
      // Number 2 once they are arranged, its own before.
      let line = Array("\(error)\n".utf8)
      for fd in [handed[2], 2] {
        if (try? FileDescriptor.writeAll(fd, line)) != nil { break }
      }
    }
    cl_exit(127)
  }

  /// Gives the descriptors the numbers 0, 1, 2 … and closes all others.
  private static func arrange(_ handed: [CInt]) throws(SystemError) {
    // First out of the way of those numbers.
    let moved = try handed.map { fd throws(SystemError) in
      try system("fcntl", "fd \(fd)") { cl_fcntl(fd, F_DUPFD, 64) }
    }
    for (number, fd) in moved.enumerated() {
      try system("dup2", "fd \(fd)") { cl_dup2(fd, CInt(number)) }
    }
    try system("close_range") { cl_close_range(UInt32(handed.count), UInt32.max, 0) }
  }

  private static func dropPrivileges() throws(SystemError) {
    try system("setrlimit", "RLIMIT_CORE") { cl_forbid_core_files() }
    // A user namespace may have no such user: then no capabilities are what is left to give up.
    if cl_setgroups(0, nil) < 0 || cl_setresgid(user, user, user) < 0
      || cl_setresuid(user, user, user) < 0
    {
      try system("capset") { cl_keep_capabilities(0) }
    }
    try system("prctl", "PR_SET_NO_NEW_PRIVS") { cl_set_no_new_privileges() }
    try system("prctl", "PR_SET_PDEATHSIG") { cl_die_with_parent() }
  }

  /// Waits for `start`; whoever would give it may end before.
  private static func awaitStart() throws(SystemError) {
    var byte: UInt8 = 0
    let count = try system("read", "start") {
      unsafe cl_read(QEMUCommand.Descriptor.count, &byte, 1)
    }
    if count == 0 { cl_exit(0) }
    try system("close", "start") { cl_close(QEMUCommand.Descriptor.count) }
  }
}
