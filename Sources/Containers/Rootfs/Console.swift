internal import CLinux
internal import Linux
internal import OCISpec

/// The container's terminal, made in its own devpts.
struct Console {
  let master: SharedDescriptor
  let slave: SharedDescriptor

  init(rootfs: CInt, size: Spec.Process.ConsoleSize?) throws(RuntimeError) {
    (master, slave) = try step("terminal") { () throws(SystemError) in
      let master = try RootfsPath.open(rootfs, "/dev/pts/ptmx", O_RDWR | O_NOCTTY)
      try system("ioctl", "TIOCSPTLCK") { cl_pty_unlock(master.rawValue) }
      let slave = FileDescriptor(
        owning: try system("ioctl", "TIOCGPTPEER") {
          cl_pty_peer(master.rawValue, O_RDWR | O_NOCTTY | O_CLOEXEC)
        })
      return (SharedDescriptor(master), SharedDescriptor(slave))
    }
  }
}
