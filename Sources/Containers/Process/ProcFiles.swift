internal import CLinux
internal import Linux

/// Files of the calling process in a procfs that is certain to be one.
enum ProcFiles {
  /// Fails unless the descriptor stands on a procfs.
  static func check(_ descriptor: CInt, _ path: String) throws(SystemError) {
    var status = statfs()
    try system("fstatfs", path) { unsafe cl_fstatfs(descriptor, &status) }
    if UInt(bitPattern: Int(status.f_type)) != UInt(PROC_SUPER_MAGIC) {
      throw SystemError(EXDEV, "fstatfs", "\(path) (no procfs)")
    }
  }

  /// Opens `name` below the calling thread's directory, whatever the container's /proc is.
  ///
  /// A private mount of procfs first; where a user namespace may not have one, the container's
  /// own /proc if that is the root of a procfs, no other mount entered (CVE-2019-16884,
  /// CVE-2019-19921, CVE-2023-28642, CVE-2025-52881).
  static func open(_ name: String, _ flags: CInt) throws(SystemError) -> FileDescriptor {
    let root = try openRoot()
    return try root.open(
      "thread-self/\(name)", flags, resolve: [.beneath, .noMagicLinks, .noMountCrossing])
  }

  private static func openRoot() throws(SystemError) -> FileDescriptor {
    if let root = try? PrivateProc.open() { return root }
    let root = try FileDescriptor.open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW)
    try check(root.rawValue, "/proc")
    // PROC_ROOT_INO: a directory of a procfs, bound to /proc, would be somebody else's.
    if try root.status().st_ino != 1 { throw SystemError(EXDEV, "fstat", "/proc") }
    return root
  }
}
