internal import CLinux
internal import Linux

extension Cgroup {
  /// Moves threads of the kernel to the root of the hierarchy: they never freeze, and the kernel
  /// counts them, so that their cgroup would never be frozen.
  ///
  /// KVM before Linux 6.14 puts one into the cgroup of each virtual machine. Where it can't be
  /// moved, the freezing fails and tells so.
  static func moveKernelThreadsAway(from directory: CgroupDirectory) {
    guard let processes = directory.readIfPresent("cgroup.procs") else { return }
    for line in processes.split(separator: "\n") {
      guard let pid = pid_t(line), ProcessStatus(pid: pid)?.isKernelThread == true else { continue }
      try? File.write(root(above: directory.path) + "/cgroup.procs", "\(pid)")
    }
  }

  /// The root is the one cgroup without `cgroup.events`.
  private static func root(above path: String) -> String {
    var path = Substring(path)
    while File.exists(String(path) + "/cgroup.events"), let slash = path.utf8.lastIndex(of: 0x2f) {
      path = path[..<slash]
    }
    return String(path)
  }
}
