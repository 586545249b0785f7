public import Linux

/// The sockets by which a caller receives a terminal (`--console-socket`) or a process
/// (`--pidfd-socket`).
public enum HandoverSocket {
  /// Connects early, so that a wrong path is known before anything was made.
  public static func connect(
    _ path: String, option: String
  ) throws(RuntimeError) -> FileDescriptor {
    try step("--\(option)", advice: "the caller must listen on this unix socket") {
      () throws(SystemError) in
      try FileDescriptor.connectUnix(path)
    }
  }

  /// Sends the master side of a terminal as runc does: the name is the message's data.
  public static func send(
    terminal master: borrowing FileDescriptor, name: String,
    over socket: borrowing FileDescriptor
  ) throws(RuntimeError) {
    try send(master, name, over: socket, option: "console-socket")
  }

  /// Sends a pidfd; the container's id is the message's data.
  public static func send(
    pidfd: borrowing FileDescriptor, id: String, over socket: borrowing FileDescriptor
  ) throws(RuntimeError) {
    try send(pidfd, id, over: socket, option: "pidfd-socket")
  }

  private static func send(
    _ descriptor: borrowing FileDescriptor, _ data: String,
    over socket: borrowing FileDescriptor, option: String
  ) throws(RuntimeError) {
    do throws(SystemError) {
      try socket.sendMessage(Array(data.utf8), passing: [descriptor.rawValue])
    } catch {
      throw RuntimeError(
        "--\(option)", error, advice: "the caller must receive from the socket until it is closed")
    }
  }
}
