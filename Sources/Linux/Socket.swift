internal import CLinux

/// Two connected seqpacket sockets, close-on-exec.
public struct SocketPair {
  public let first: SharedDescriptor
  public let second: SharedDescriptor

  /// SOCK_SEQPACKET keeps message boundaries and tells the end of the peer by an empty read.
  public init() throws(SystemError) {
    var fds: (CInt, CInt) = (-1, -1)
    try system("socketpair") {
      unsafe withUnsafeMutableBytes(of: &fds) {
        unsafe cl_socketpair(
          cl_sock_type(2) | cl_sock_cloexec(), $0.assumingMemoryBound(to: CInt.self).baseAddress!)
      }
    }
    first = SharedDescriptor(FileDescriptor(owning: fds.0))
    second = SharedDescriptor(FileDescriptor(owning: fds.1))
  }
}

extension FileDescriptor {
  /// One message of a seqpacket socket, with descriptors that the receiver gets copies of.
  public func sendMessage(_ bytes: [UInt8], passing fds: [CInt] = []) throws(SystemError) {
    try system("sendmsg") {
      unsafe bytes.withUnsafeBytes { data in
        unsafe cl_send_fds(
          rawValue, data.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!, data.count, fds, fds.count
        )
      }
    }
  }

  /// A message and the descriptors that came with it; nil when the peer closed its side.
  ///
  /// The caller owns the numbers in `fds`. EMSGSIZE when the message is longer than `limit`.
  public func receiveMessage(
    limit: Int = 65536
  ) throws(SystemError) -> (bytes: [UInt8], fds: [CInt])? {
    var bytes = [UInt8](repeating: 0, count: limit)
    var fds = [CInt](repeating: -1, count: Int(CL_MAX_PASSED_FDS))
    var count = fds.count
    let received = try system("recvmsg") {
      unsafe bytes.withUnsafeMutableBytes { data in
        // The call sets the count even when it is interrupted.
        count = Int(CL_MAX_PASSED_FDS)
        return unsafe cl_receive_fds(rawValue, data.baseAddress!, data.count, &fds, &count)
      }
    }
    if received == 0 && count == 0 { return nil }
    return (Array(bytes[..<received]), Array(fds[..<count]))
  }

  /// A stream connection to a unix socket by path.
  public static func connectUnix(_ path: String, type: CInt = 0) throws(SystemError)
    -> FileDescriptor
  {
    let socket = FileDescriptor(
      owning: try system("socket") { cl_socket(AF_UNIX, cl_sock_type(type) | cl_sock_cloexec(), 0) }
    )
    try system("connect", path) { unsafe cl_unix_connect(socket.rawValue, path) }
    return socket
  }
}
