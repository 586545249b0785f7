internal import CLinux
public import Linux

/// A listening socket, and how a connection to it is taken.
public struct StreamListener {
  /// Takes a connection off a listening socket; nil for a peer that is not let in.
  public typealias Acceptor = (CInt) throws(SystemError) -> FileDescriptor?

  let socket: SharedDescriptor
  /// Where the host finds it.
  let port: UInt32
  private let accept: Acceptor

  public init(socket: consuming FileDescriptor, port: UInt32, accept: @escaping Acceptor) {
    self.socket = SharedDescriptor(socket)
    self.port = port
    self.accept = accept
  }

  /// The next connection that is let in; nil when there was none after all.
  func next() throws(SystemError) -> FileDescriptor? {
    do { return try accept(socket.rawValue) } catch {
      // The peer has gone before it was taken (accept(2)).
      if error.errno == ECONNABORTED || error.errno == EAGAIN { return nil }
      throw error
    }
  }
}
