internal import CLinux
internal import Linux
internal import OCISpec

/// The container's terminal, made on its own devpts and checked to be one.
struct Console {
  /// For the runtime: what the terminal's user sees.
  let master: SharedDescriptor
  /// For the process.
  let slave: SharedDescriptor

  /// `devices` is the container's /dev. No name of a terminal is ever looked up: the slave comes
  /// from the master, and is mounted by descriptor (CVE-2025-52565).
  ///
  /// The slave belongs to the user of the process.
  init(devices: CInt, _ process: Spec.Process) throws(RuntimeError) {
    (master, slave) = try step(
      "process.terminal", advice: "a terminal needs a mount of type devpts on /dev/pts"
    ) { () throws(SystemError) in
      let master = try Self.openMaster(devices)
      let slave = try Self.openSlave(master)
      if let size = process.consoleSize {
        var window = winsize()
        window.ws_row = UInt16(clamping: size.height)
        window.ws_col = UInt16(clamping: size.width)
        try system("ioctl", "TIOCSWINSZ") {
          unsafe cl_set_window_size(master.rawValue, &window)
        }
      }
      try Self.give(slave, to: process.user.uid)
      return (SharedDescriptor(master), SharedDescriptor(slave))
    }
  }

  private static func openMaster(_ devices: CInt) throws(SystemError) -> FileDescriptor {
    let name = "pts/ptmx"
    let master = try FileDescriptor.open(
      name, O_RDWR | O_NOCTTY, at: DirectoryReference(rawValue: devices),
      resolve: [.beneath, .noSymlinks])
    let status = try master.status()
    guard status.st_mode & mode_t(S_IFMT) == mode_t(S_IFCHR),
      status.st_rdev == cl_makedev(5, 2), try isOnDevpts(master)
    else { throw SystemError(ENOTTY, "fstat", "/dev/\(name)") }
    try system("ioctl", "TIOCSPTLCK") { cl_pty_unlock(master.rawValue) }
    return master
  }

  private static func openSlave(
    _ master: borrowing FileDescriptor
  ) throws(SystemError) -> FileDescriptor {
    let slave = FileDescriptor(
      owning: try system("ioctl", "TIOCGPTPEER") {
        cl_pty_peer(master.rawValue, O_RDWR | O_NOCTTY | O_CLOEXEC)
      })
    let status = try slave.status()
    // UNIX98_PTY_SLAVE_MAJOR and the seven behind it.
    guard status.st_mode & mode_t(S_IFMT) == mode_t(S_IFCHR),
      (136...143).contains(cl_major(status.st_rdev)), try isOnDevpts(slave)
    else { throw SystemError(ENOTTY, "fstat", "TIOCGPTPEER") }
    return slave
  }

  private static func isOnDevpts(
    _ file: borrowing FileDescriptor
  ) throws(SystemError) -> Bool {
    try system("fstatfs", "devpts") { cl_filesystem_magic(file.rawValue) }
      == Int(DEVPTS_SUPER_MAGIC)
  }

  private static func give(
    _ slave: borrowing FileDescriptor, to owner: uid_t
  ) throws(SystemError) {
    let result = cl_fchown(slave.rawValue, owner, gid_t.max)
    // In a user namespace the user may have no id on the host's side.
    if result == -EINVAL || result == -EPERM { return }
    try system("fchown", "the terminal") { result }
  }

  /// Shows the slave as the container's /dev/console.
  func bind(devices: CInt) throws(RuntimeError) {
    try step("/dev/console") { () throws(SystemError) in
      let target = try DeviceNodes.openFile("console", in: devices)
      try MountTree.clone(of: slave.rawValue, recursive: false, "the terminal")
        .attach(to: target, "/dev/console")
    }
  }
}
