internal import CLinux
internal import CommandLineInterface
internal import GuestProtocol
internal import Linux

/// The first process of a guest: it makes a process for each session that the host opens, and
/// reaps what ends.
///
/// It stays as small as that: whatever a container does is done to a session's process.
public enum Agent {
  /// Never returns: when it cannot go on, the machine ends.
  public static func run() -> Never {
    if getpid() != 1 {
      Console.refuse("swrun-guest is the first process of a virtual machine: swrun starts it there")
    }
    // A reader that is gone is an error of the write that meets it.
    _ = cl_ignore_signal(SIGPIPE)
    var boot: BootConnection? = nil
    do throws(RuntimeError) {
      try Boot.prepare()
      let listener = try step("sessions") { () throws(SystemError) in
        try Vsock.listen(port: Port.agent)
      }
      let connection = try BootConnection(agent: Version.program)
      boot = connection
      try serve(listener, connection)
    } catch { Console.fail(error, boot) }
  }

  private static func serve(
    _ listener: StreamListener, _ boot: BootConnection
  ) throws(RuntimeError) -> Never {
    let ended = try step("sessions") { () throws(SystemError) in
      FileDescriptor(
        owning: try system("signalfd") { cl_child_signals() })
    }
    var devices = LateDevices()
    while true {
      devices.findWhenDue()
      var polled = [
        pollfd(fd: listener.socket.rawValue, events: Int16(POLLIN), revents: 0),
        pollfd(fd: ended.rawValue, events: Int16(POLLIN), revents: 0),
      ]
      try step("sessions") { () throws(SystemError) in
        try system("poll") { unsafe cl_poll(&polled, 2, devices.patience) }
      }
      if polled[1].revents != 0 { reap(ended.rawValue) }
      if polled[0].revents != 0 {
        let connection = try step("sessions") { () throws(SystemError) in try listener.next() }
        if let connection {
          devices.sessionBegan()
          begin(connection, listener.socket.rawValue, ended.rawValue, boot)
        }
      }
    }
  }

  /// Makes the process of a session. Where that fails the host sees its connection closed.
  private static func begin(
    _ connection: consuming FileDescriptor, _ listener: CInt, _ ended: CInt, _ boot: BootConnection
  ) {
    let pid = cl_clone3(0, nil, -1)
    if pid == 0 {
      _ = cl_close(listener)
      _ = cl_close(ended)
      boot.close()
      cl_unblock_signals()
      let listen = { () throws(SystemError) -> StreamListener in try Vsock.listen(port: nil) }
      Session(SharedDescriptor(connection), listen: listen, settings: .guest).run()
      cl_exit(0)
    }
    if pid < 0 { Console.write("session: \(SystemError(-pid, "clone3"))") }
  }

  /// Every child that has ended: sessions, and the orphans of containers.
  private static func reap(_ ended: CInt) {
    var sender: pid_t = 0
    while unsafe cl_read_signal(ended, &sender) > 0 {}
    var status: CInt = 0
    while unsafe cl_waitpid(-1, &status, WNOHANG) > 0 {}
  }
}
