internal import CLinux

/// A pipe's two ends, close-on-exec; each is closed by `close` or with its last reference.
public struct Pipe {
  public let reader: SharedDescriptor
  public let writer: SharedDescriptor

  public init() throws(SystemError) {
    var fds: (CInt, CInt) = (-1, -1)
    try system("pipe2") {
      unsafe withUnsafeMutableBytes(of: &fds) {
        unsafe cl_pipe2($0.assumingMemoryBound(to: CInt.self).baseAddress!, O_CLOEXEC)
      }
    }
    reader = SharedDescriptor(FileDescriptor(owning: fds.0))
    writer = SharedDescriptor(FileDescriptor(owning: fds.1))
  }
}
