internal import CLinux
internal import Linux
internal import OCISpec

/// A container's terminal, made in its own devpts and checked to be one.
struct Console {
  let master: SharedDescriptor
  let slave: SharedDescriptor

  /// Opens /dev/pts/ptmx below `rootfs`. The slave comes from the master, never from a path
  /// (CVE-2025-52565), and belongs to the user of the process.
  init(rootfs: CInt, _ process: Spec.Process) throws(RuntimeError) {
    (master, slave) = try step(
      "process.terminal", advice: "the container needs a devpts at /dev/pts"
    ) { () throws(SystemError) in
      let master = try RootfsPath.open(rootfs, "/dev/pts/ptmx", O_RDWR | O_NOCTTY)
      var filesystem = statfs()
      try system("fstatfs", "/dev/pts") { unsafe cl_fstatfs(master.rawValue, &filesystem) }
      guard UInt(bitPattern: Int(filesystem.f_type)) == UInt(DEVPTS_SUPER_MAGIC),
        try master.status().st_rdev == cl_makedev(5, 2)
      else { throw SystemError(ENOTTY, "fstatfs", "/dev/pts/ptmx") }
      try system("ioctl", "TIOCSPTLCK") { cl_pty_unlock(master.rawValue) }
      let slave = FileDescriptor(
        owning: try system("ioctl", "TIOCGPTPEER") {
          cl_pty_peer(master.rawValue, O_RDWR | O_NOCTTY | O_CLOEXEC)
        })
      if let size = process.consoleSize {
        var window = winsize(
          ws_row: UInt16(clamping: size.height), ws_col: UInt16(clamping: size.width),
          ws_xpixel: 0, ws_ypixel: 0)
        try system("ioctl", "TIOCSWINSZ") {
          unsafe cl_set_window_size(slave.rawValue, &window)
        }
      }
      let owner = unsafe cl_fchownat(
        slave.rawValue, "", process.user.uid, ~0, AT_EMPTY_PATH)
      // In a user namespace the user may have no id on the host's side.
      if owner < 0 && owner != -EINVAL && owner != -EPERM {
        throw SystemError(-owner, "fchown", "the terminal")
      }
      return (SharedDescriptor(master), SharedDescriptor(slave))
    }
  }
}

extension RootfsBuilder {
  /// The container's terminal, with /dev/console bound to it.
  func openConsole(_ process: Spec.Process) throws(RuntimeError) -> Console {
    let console = try Console(rootfs: root.rawValue, process)
    guard devices.rawValue >= 0 else { return console }
    try step("/dev/console") { () throws(SystemError) in
      let target = try RootfsPath(root: devices.rawValue).openOrMake("console", .file)
      let tree = try MountTree.clone(
        "", at: DirectoryReference(rawValue: console.slave.rawValue), recursive: false,
        flags: AT_EMPTY_PATH)
      try tree.attach(to: target.rawValue, "/dev/console")
    }
    return console
  }
}
