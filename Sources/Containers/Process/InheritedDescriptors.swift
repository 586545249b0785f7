internal import CLinux
internal import Linux

/// The descriptors that the program gets: the standard streams and the preserved ones.
struct InheritedDescriptors {
  /// Descriptors 3 to 3 + preserved - 1 are the caller's to pass on.
  let preserved: Int

  /// Closes all others but one, which closes at the exec.
  ///
  /// Closed now, not by the exec: a program or directory given as /proc/self/fd/N would otherwise
  /// be found in a directory of the host (CVE-2024-21626).
  func closeOthers(but channel: CInt) throws(RuntimeError) {
    let first = CInt(3 + preserved)
    // Among the preserved numbers may be some that the caller did not open, and the runtime did.
    for descriptor in 3..<max(3, first) where descriptor != channel {
      let flags = cl_fcntl(descriptor, F_GETFD, 0)
      if flags == -EBADF { continue }
      if flags & FD_CLOEXEC != 0 { _ = cl_close(descriptor) }
    }
    try step("descriptors") { () throws(SystemError) in
      if channel > first { try Self.close(from: first, through: channel - 1) }
      try Self.close(from: max(first, channel + 1), through: CInt.max)
    }
  }

  private static func close(from first: CInt, through last: CInt) throws(SystemError) {
    try system("close_range", "\(first) to \(last)") {
      cl_close_range(UInt32(first), UInt32(last), 0)
    }
  }
}
