internal import CLinux
public import Linux

/// Unix sockets in a container's state directory.
public enum StateSocket {
  /// A new socket that listens under `name`; type 0 is a stream, 2 keeps message boundaries.
  public static func listen(
    _ name: String, type: CInt, in directory: borrowing ContainerDirectory
  ) throws(RuntimeError) -> SharedDescriptor {
    let path = directory.shortPath(name)
    return try step("\(name) socket") { () throws(SystemError) in
      let socket = FileDescriptor(
        owning: try system("socket") {
          cl_socket(AF_UNIX, cl_sock_type(type) | cl_sock_cloexec(), 0)
        })
      try system("bind", path) { unsafe cl_unix_bind(socket.rawValue, path) }
      try system("listen", path) { cl_listen(socket.rawValue, type == 2 ? 1 : 128) }
      return SharedDescriptor(socket)
    }
  }
}
