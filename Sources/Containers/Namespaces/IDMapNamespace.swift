internal import CLinux
internal import Linux

/// A user namespace that nobody lives in: it carries the id maps of an id-mapped mount.
enum IDMapNamespace {
  /// Makes one with `mappings`; the descriptor keeps it.
  static func make(_ mappings: IDMappings, _ name: String) throws(RuntimeError) -> SharedDescriptor
  {
    guard !mappings.uids.isEmpty, !mappings.gids.isEmpty else {
      throw RuntimeError("\(name): idmap: uidMappings and gidMappings are needed")
    }
    let pair = try step(name) { () throws(SystemError) in try SocketPair() }
    let pid = cl_clone3(UInt64(CLONE_NEWUSER), nil, -1)
    if pid == 0 {
      pair.first.close()
      // Lives until its namespace is open in the runtime.
      _ = try? LaunchChannel(socket: pair.second).waitToProceed()
      cl_exit(0)
    }
    guard pid > 0 else { throw RuntimeError("\(name): idmap", SystemError(-pid, "clone3")) }
    pair.second.close()
    defer {
      pair.first.close()
      var status: CInt = 0
      while unsafe cl_waitpid(pid, &status, 0) == -EINTR {}
    }
    try mappings.apply(to: pid)
    return try step("\(name): idmap") { () throws(SystemError) in
      SharedDescriptor(try FileDescriptor.open("/proc/\(pid)/ns/user", O_RDONLY))
    }
  }
}
