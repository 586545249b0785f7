internal import CLinux
internal import Linux
internal import OCISpec

/// Writes the id maps of a new user namespace (user_namespaces(7)).
struct IDMappings {
  let uids: [Spec.IDMapping]
  let gids: [Spec.IDMapping]

  /// Maps the user namespace of `pid`, directly with privileges, else by newuidmap and newgidmap.
  func apply(to pid: pid_t) throws(RuntimeError) {
    if geteuid() == 0 {
      try write("/proc/\(pid)/uid_map", uids, "linux.uidMappings")
      try write("/proc/\(pid)/gid_map", gids, "linux.gidMappings")
    } else {
      try applyUnprivileged(pid)
    }
  }

  /// Without privileges a process may map its own id alone, and its group only once setgroups is
  /// denied; ranges of /etc/subuid go through the setuid programs.
  private func applyUnprivileged(_ pid: pid_t) throws(RuntimeError) {
    if uids.count == 1, uids[0].size == 1, uids[0].hostID == geteuid() {
      try write("/proc/\(pid)/uid_map", uids, "linux.uidMappings")
    } else {
      try runMapper("newuidmap", pid, uids, "linux.uidMappings")
    }
    if gids.count == 1, gids[0].size == 1, gids[0].hostID == getegid() {
      try step("linux.gidMappings") { () throws(SystemError) in
        try File.write("/proc/\(pid)/setgroups", "deny")
      }
      try write("/proc/\(pid)/gid_map", gids, "linux.gidMappings")
    } else {
      try runMapper("newgidmap", pid, gids, "linux.gidMappings")
    }
  }

  private func write(
    _ path: String, _ mappings: [Spec.IDMapping], _ name: String
  ) throws(RuntimeError) {
    let text = mappings.map { "\($0.containerID) \($0.hostID) \($0.size)\n" }.joined()
    do {
      try File.write(path, text)
    } catch {
      throw RuntimeError(
        "\(name): \(text.split(separator: "\n").joined(separator: ", "))", error,
        advice: error.errno == EINVAL
          ? "ranges must not overlap, and each host id must be mapped in the caller's namespace"
          : "mapping these ids needs privileges, or newuidmap and newgidmap")
    }
  }

  private func runMapper(
    _ program: String, _ pid: pid_t, _ mappings: [Spec.IDMapping], _ name: String
  ) throws(RuntimeError) {
    let arguments = CStringArray(
      [program, String(pid)]
        + mappings.flatMap { [String($0.containerID), String($0.hostID), String($0.size)] })
    let environment = CStringArray([])
    for directory in ["/usr/bin/", "/bin/", "/usr/local/bin/"]
    where File.exists(directory + program) {
      let child = cl_clone3(0, nil, -1)
      if child == 0 {
        cl_reset_signals()
        _ = unsafe cl_execve(directory + program, arguments.pointer, environment.pointer)
        cl_exit(127)
      }
      guard child > 0 else { throw RuntimeError(name, SystemError(-child, "clone3")) }
      var status: CInt = 0
      while unsafe cl_waitpid(child, &status, 0) == -EINTR {}
      if status == 0 { return }
      throw RuntimeError(
        "\(name): \(program) failed with exit code \(cl_exit_code(status))",
        advice: "each range must be in /etc/subuid or /etc/subgid for this user")
    }
    throw RuntimeError(
      "\(name): \(program) is not installed", advice: "install the package uidmap")
  }
}
