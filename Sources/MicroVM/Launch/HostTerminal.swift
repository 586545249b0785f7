internal import CLinux
internal import Linux

/// The host's end of a guest process's terminal: the master for who looks at it, the slave, which
/// passes every byte as it is, for who relays it to the guest's own terminal.
struct HostTerminal {
  let master: SharedDescriptor
  let slave: SharedDescriptor

  init() throws(RuntimeError) {
    (master, slave) = try step(
      "process.terminal", advice: "the host needs a devpts at /dev/pts"
    ) { () throws(SystemError) in
      let master = try FileDescriptor.open("/dev/ptmx", O_RDWR | O_NOCTTY)
      try system("ioctl", "TIOCSPTLCK") { cl_pty_unlock(master.rawValue) }
      let slave = FileDescriptor(
        owning: try system("ioctl", "TIOCGPTPEER") {
          cl_pty_peer(master.rawValue, O_RDWR | O_NOCTTY | O_CLOEXEC)
        })
      var state = termios()
      try system("tcgetattr", "the terminal") {
        unsafe cl_tcgetattr(slave.rawValue, &state)
      }
      // What a line is, and what Ctrl-C means, is for the guest's terminal to decide.
      unsafe cl_cfmakeraw(&state)
      try system("tcsetattr", "the terminal") {
        unsafe cl_tcsetattr(slave.rawValue, &state)
      }
      return (SharedDescriptor(master), SharedDescriptor(slave))
    }
  }

  /// In the process that relays: the slave becomes its streams and its controlling terminal, so
  /// that changes of the window's size reach it as SIGWINCH. It must lead a session.
  func take() throws(SystemError) {
    master.close()
    for number: CInt in 0...2 {
      try system("dup2", "the terminal") { cl_dup2(slave.rawValue, number) }
    }
    slave.close()
    try system("ioctl", "TIOCSCTTY") { cl_set_controlling_terminal(0) }
  }
}
