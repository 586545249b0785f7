import CLinux
import GuestAgent
import Linux

/// The agent's sessions without a machine: `GuestAgentRunner DIRECTORY` has unix sockets in the
/// directory in place of vsock ports, named by their numbers, until its standard input ends.
@main enum GuestAgentRunner {
  static func main() {
    let directory = CommandLine.arguments[1]
    _ = cl_ignore_signal(SIGPIPE)
    do throws(SystemError) { try serve(directory) } catch {
      try? FileDescriptor.writeAll(2, Array("GuestAgentRunner: \(error)\n".utf8))
      cl_exit(1)
    }
  }

  private static func serve(_ directory: String) throws(SystemError) {
    let listener = try listen(directory + "/1024")
    let name = directory.split(separator: "/").last ?? "agent"
    let settings = AgentSettings(
      stateRoot: directory + "/state", cgroupPrefix: "/\(name)/", caches: directory + "/caches")
    try FileDescriptor.writeAll(1, Array("ready\n".utf8))
    while true {
      var polled = [0, listener.rawValue].map {
        pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
      }
      try system("poll") { cl_poll(&polled, 2, -1) }
      var status: CInt = 0
      while cl_waitpid(-1, &status, WNOHANG) > 0 {}
      if polled[0].revents != 0 { break }
      let connection = SharedDescriptor(try accept(listener.rawValue))
      let pid = try system("clone3") { cl_clone3(0, nil, -1) }
      if pid == 0 {
        _ = cl_close(listener.rawValue)
        Session(
          connection,
          listen: { () throws(SystemError) in
            let port = UInt32(getpid()) + 10_000
            return StreamListener(
              socket: try listen("\(directory)/\(port)"), port: port, accept: accept)
          }, settings: settings
        ).run()
        cl_exit(0)
      }
    }
    // The sessions end with their connections; what they made is gone then.
    var status: CInt = 0
    while true {
      let ended = cl_waitpid(-1, &status, 0)
      if ended < 0 && ended != -EINTR { break }
    }
  }

  private static func accept(_ listener: CInt) throws(SystemError) -> FileDescriptor {
    FileDescriptor(owning: try system("accept") { cl_accept4(listener, cl_sock_cloexec()) })
  }

  private static func listen(_ path: String) throws(SystemError) -> FileDescriptor {
    let socket = FileDescriptor(
      owning: try system("socket") {
        cl_socket(AF_UNIX, cl_sock_type(0) | cl_sock_cloexec(), 0)
      })
    try system("bind", path) { cl_unix_bind(socket.rawValue, path) }
    try system("listen", path) { cl_listen(socket.rawValue, 16) }
    return socket
  }
}
