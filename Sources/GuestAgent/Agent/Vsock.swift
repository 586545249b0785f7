internal import CLinux
internal import GuestProtocol
internal import Linux

/// Sockets between guest and host (vsock(7)).
enum Vsock {
  /// A connection to a port of the host.
  static func connect(port: UInt32) throws(SystemError) -> FileDescriptor {
    let socket = FileDescriptor(owning: try system("socket", "AF_VSOCK") { cl_vsock_socket(true) })
    try system("connect", "vsock port \(port) of the host") {
      cl_vsock_connect(socket.rawValue, Port.hostCID, port)
    }
    return socket
  }

  /// A socket that waits for the host at `port`; nil chooses a free one.
  static func listen(port: UInt32?) throws(SystemError) -> StreamListener {
    // A peer may be gone before it is taken: accept must not wait for another.
    let socket = FileDescriptor(owning: try system("socket", "AF_VSOCK") { cl_vsock_socket(false) })
    try system("bind", "vsock port") {
      cl_vsock_bind(socket.rawValue, port ?? CL_VMADDR_PORT_ANY)
    }
    // The container may connect as well, to be refused: room for the host is left all the same.
    try system("listen", "vsock port") { cl_listen(socket.rawValue, 128) }
    var bound: UInt32 = 0
    try system("getsockname", "vsock port") { unsafe cl_vsock_port(socket.rawValue, &bound) }
    return StreamListener(socket: socket, port: bound, accept: accept)
  }

  /// The next connection; nil when it was not the host who connected.
  ///
  /// A process of the container may open AF_VSOCK, too. The number that it has as a peer is the
  /// kernel's, and never the host's.
  private static func accept(_ listener: CInt) throws(SystemError) -> FileDescriptor? {
    var peer: UInt32 = 0
    let connection = FileDescriptor(
      owning: try system("accept", "vsock") {
        unsafe cl_vsock_accept(listener, cl_sock_cloexec(), &peer)
      })
    if peer != Port.hostCID { return nil }
    return connection
  }
}
