internal import CLinux
internal import Linux

/// What the guest's kernel keeps of files in case that somebody wants it again.
enum GuestCaches {
  /// Names and inodes that nobody uses; with an inode goes what is kept of its content.
  private static let namesAndInodes = "2"

  /// Drops them; returns when the kernel has.
  static func drop(_ path: String) throws(RuntimeError) {
    try step("caches") { () throws(SystemError) in
      try FileDescriptor.open(path, O_WRONLY).write(namesAndInodes, path)
    }
  }
}
