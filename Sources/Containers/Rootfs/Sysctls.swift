internal import CLinux
internal import Linux

/// Sets kernel parameters in the namespaces of this process (config-linux.md, "Sysctl").
struct Sysctls {
  private let sysctls: [RootfsPlan.Sysctl]

  init(_ sysctls: [RootfsPlan.Sysctl]) { self.sysctls = sysctls }

  /// `proc` is the root of a proc that this process has mounted itself, or -1.
  func write(proc: CInt) throws(RuntimeError) {
    if sysctls.isEmpty { return }
    if proc >= 0 { return try write(in: proc) }
    let own = try step("linux.sysctl") { () throws(SystemError) in try PrivateProc.open() }
    try write(in: own.rawValue)
  }

  private func write(in proc: CInt) throws(RuntimeError) {
    for sysctl in sysctls {
      do {
        let file = try PrivateProc.open(sysctl.path, O_WRONLY, in: proc)
        try file.write(sysctl.value, sysctl.value)
      } catch {
        throw RuntimeError(
          "linux.sysctl: \(sysctl.name)", error, advice: Self.advice(error, sysctl))
      }
    }
  }

  private static func advice(
    _ error: SystemError, _ sysctl: RootfsPlan.Sysctl
  ) -> String? {
    switch error.errno {
    case ENOENT: "this kernel has no such parameter in the container's namespaces"
    case EINVAL, ERANGE: "\(sysctl.value) is no value of that parameter"
    case EACCES, EPERM: "the container's user namespace may not set it"
    default: nil
    }
  }
}

/// A proc that no path leads to: nothing can be mounted over what is opened in it
/// (CVE-2019-16884, CVE-2025-52881).
enum PrivateProc {
  /// Its root, detached; of the pid namespace of this process.
  static func open() throws(SystemError) -> FileDescriptor {
    try FilesystemContext("proc").mount([.noSUID, .noDevices, .noExec]).intoDescriptor()
  }

  /// A file below the root of a proc, reached without links and without crossing mounts.
  static func open(
    _ path: String, _ flags: CInt, in proc: CInt
  ) throws(SystemError) -> FileDescriptor {
    let file = try FileDescriptor.open(
      path, flags, at: DirectoryReference(rawValue: proc),
      resolve: [.beneath, .noSymlinks, .noMountCrossing])
    let magic = try system("fstatfs", path) { cl_filesystem_magic(file.rawValue) }
    if magic != Int(PROC_SUPER_MAGIC) { throw SystemError(EXDEV, "openat2", path) }
    return file
  }
}
