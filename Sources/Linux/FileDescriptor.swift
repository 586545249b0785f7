internal import CLinux

/// An open file that this value owns: closed when the value goes out of scope.
public struct FileDescriptor: ~Copyable, Sendable {
  /// The number; borrowed, never to be closed by the reader.
  public let rawValue: CInt

  /// Takes over a descriptor that the caller owned until now.
  public init(owning rawValue: CInt) { self.rawValue = rawValue }

  // A negative number stands for no file.
  deinit { if rawValue >= 0 { _ = cl_close(rawValue) } }

  /// Hands the number to the caller, who closes it from now on.
  public consuming func release() -> CInt {
    let rawValue = self.rawValue
    discard self
    return rawValue
  }

  /// Another number for the same open file, close-on-exec, 3 or higher.
  public func duplicate() throws(SystemError) -> FileDescriptor {
    FileDescriptor(owning: try system("dup", "fd \(rawValue)") { cl_dup(rawValue) })
  }

  /// Whether the descriptor stays open over exec.
  public func setInheritable(_ inheritable: Bool) throws(SystemError) {
    try system("fcntl", "fd \(rawValue)") {
      cl_fcntl(rawValue, F_SETFD, inheritable ? 0 : Int(FD_CLOEXEC))
    }
  }
}

/// A number that names a directory for the *at calls: an open one, or the working directory.
public struct DirectoryReference: Sendable {
  public let rawValue: CInt
  public init(rawValue: CInt) { self.rawValue = rawValue }
  public init(_ descriptor: borrowing FileDescriptor) { rawValue = descriptor.rawValue }
  /// AT_FDCWD: relative paths start at the working directory.
  public static let workingDirectory = DirectoryReference(rawValue: AT_FDCWD)
}
