internal import CLinux
internal import Linux

/// What swrun knows of terminals: sizes, raw mode, who is in the foreground.
public enum Terminal {
  /// Gives `terminal` the window size of the first of our streams that is a terminal.
  public static func copyWindowSize(to terminal: CInt) {
    var size = winsize()
    for stream: CInt in 0...2 where unsafe cl_get_window_size(stream, &size) == 0 {
      // A terminal that refuses a size has none to show.
      _ = unsafe cl_set_window_size(terminal, &size)
      return
    }
  }

  /// Whether this process may change the terminal: true for one that controls nobody here.
  static func isForeground(_ fd: CInt) -> Bool {
    let group = cl_tcgetpgrp(fd)
    return group < 0 || group == getpgrp()
  }
}

extension FileDescriptor {
  /// The slave side of the terminal whose master side this is, found by descriptor, never by a
  /// path that a container may have changed (CVE-2025-52565).
  func terminalPeer() throws(SystemError) -> FileDescriptor {
    FileDescriptor(
      owning: try system("ioctl TIOCGPTPEER") {
        cl_pty_peer(rawValue, O_RDWR | O_NOCTTY | O_CLOEXEC)
      })
  }
}

/// Our own terminal in raw mode: every byte passes, and comes back as it was when this value ends.
struct RawMode: ~Copyable {
  private let fd: CInt
  private var saved: termios
  private var raw: termios

  /// Nil when the descriptor is no terminal.
  init?(_ fd: CInt) {
    self.fd = fd
    saved = termios()
    if unsafe cl_tcgetattr(fd, &saved) != 0 { return nil }
    raw = saved
    unsafe cl_cfmakeraw(&raw)
    unsafe cl_guard_terminal(fd, &saved)
    // A background job is stopped here until it is in the foreground, as it should be.
    _ = unsafe cl_tcsetattr(fd, &raw)
  }

  /// After a stop: the shell has put the terminal into its own mode.
  mutating func enterAgain() {
    if Terminal.isForeground(fd) { _ = unsafe cl_tcsetattr(fd, &raw) }
  }

  deinit {
    var saved = saved
    // In the background the terminal is somebody else's now, in the mode that they want.
    if Terminal.isForeground(fd) { _ = unsafe cl_tcsetattr(fd, &saved) }
    cl_unguard_terminal()
  }
}
