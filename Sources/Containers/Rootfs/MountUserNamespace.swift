internal import CLinux
internal import Linux
internal import OCISpec

/// A user namespace that nobody lives in: it carries the id maps of an id-mapped mount.
enum MountUserNamespace {
  /// Makes one; the descriptor keeps it.
  static func make(
    uids: [Spec.IDMapping], gids: [Spec.IDMapping], _ name: String
  ) throws(RuntimeError) -> FileDescriptor {
    let pair = try step("\(name): idmap") { () throws(SystemError) in try SocketPair() }
    let pid = cl_clone3(UInt64(CLONE_NEWUSER), nil, -1)
    if pid == 0 {
      // Lives until the runtime's side of the pair is closed: nothing is ever sent.
      var byte: UInt8 = 0
      _ = cl_close(pair.first.rawValue)
      while unsafe cl_read(pair.second.rawValue, &byte, 1) == -Int(EINTR) {}
      cl_exit(0)
    }
    guard pid > 0 else { throw RuntimeError("\(name): idmap", SystemError(-pid, "clone3")) }
    defer { Self.end(pid) }
    try write(uids, "/proc/\(pid)/uid_map", "\(name): uids of idmap")
    try write(gids, "/proc/\(pid)/gid_map", "\(name): gids of idmap")
    return try step("\(name): idmap") { () throws(SystemError) in
      try FileDescriptor.open("/proc/\(pid)/ns/user", O_RDONLY)
    }
  }

  private static func end(_ pid: pid_t) {
    // The child reads from a socket whose other end this process holds: it would wait.
    _ = cl_kill(pid, SIGKILL)
    var status: CInt = 0
    while unsafe cl_waitpid(pid, &status, 0) == -EINTR {}
  }

  private static func write(
    _ mappings: [Spec.IDMapping], _ path: String, _ name: String
  ) throws(RuntimeError) {
    let text = mappings.map { "\($0.containerID) \($0.hostID) \($0.size)\n" }.joined()
    try step(
      name, advice: "ranges must not overlap, and each host id must be mapped for the caller"
    ) { () throws(SystemError) in try File.write(path, text) }
  }
}
