internal import CLinux
internal import Linux

extension RootfsBuilder {
  /// The descriptor that a mount goes onto; what is missing of the path is made.
  ///
  /// ELOOP for proc and sysfs when a component is a symbolic link (CVE-2019-19921 and its
  /// successors): an image must not choose where they are. EPERM for a place inside procfs, but
  /// for the few files that lxcfs and its kin cover.
  func target(
    _ entry: RootfsPlan.Entry, _ kind: RootfsPath.Kind
  ) throws(SystemError) -> FileDescriptor {
    if entry.type == "proc" || entry.type == "sysfs" {
      if let link = try firstLink(entry.destination) { throw SystemError(ELOOP, "openat2", link) }
    }
    let target = try paths.openOrMake(entry.destination, kind)
    var filesystem = statfs()
    try system("fstatfs", entry.destination) { unsafe cl_fstatfs(target.rawValue, &filesystem) }
    if UInt(bitPattern: Int(filesystem.f_type)) == UInt(PROC_SUPER_MAGIC),
      entry.type != "proc", !Self.allowedInProc(entry.destination)
    {
      throw SystemError(EPERM, "mount inside procfs", entry.destination)
    }
    return target
  }

  /// The first component that is a symbolic link, if any.
  private func firstLink(_ path: String) throws(SystemError) -> String? {
    var walked = ""
    for name in path.split(separator: "/") {
      walked += "/" + name
      do throws(SystemError) {
        let component = try RootfsPath.open(root.rawValue, walked, O_PATH | O_NOFOLLOW)
        if try component.status().isSymbolicLink { return walked }
      } catch {
        if error.errno == ENOENT { return nil }
        throw error
      }
    }
    return nil
  }

  static func allowedInProc(_ path: String) -> Bool {
    switch "/" + path.split(separator: "/").joined(separator: "/") {
    case "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps",
      "/proc/uptime", "/proc/loadavg", "/proc/slabinfo", "/proc/net/dev",
      "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled":
      true
    default: false
    }
  }
}
