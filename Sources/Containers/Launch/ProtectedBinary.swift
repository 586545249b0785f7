internal import CLinux
public import Linux

/// Keeps containers from overwriting the runtime's binary through /proc/PID/exe (CVE-2019-5736).
///
/// What enters a container must run from a view of the binary that cannot be written: the program
/// executes itself once more from a detached read-only mount of its file, which no mount namespace
/// has and so nobody can remount; without the privilege for that, from a sealed copy in memory.
public enum ProtectedBinary {
  /// Says that the program runs from its sealed copy.
  private static let marker = "_SWRUN_SEALED_COPY=1"

  /// Returns when this program runs protected; executes it anew otherwise.
  ///
  /// To be called before anything is opened or made.
  public static func ensure() throws(RuntimeError) {
    var filesystem = statfs()
    let path = "/proc/self/exe"
    try step("protection of the runtime's binary", advice: "is /proc mounted?") {
      () throws(SystemError) in
      try system("statfs", path) { unsafe cl_statfs(path, &filesystem) }
    }
    if UInt(bitPattern: Int(filesystem.f_flags)) & UInt(CL_MS_RDONLY) != 0 || isSealedCopy() {
      return
    }
    do throws(SystemError) {
      try executeReadOnlyMount(path)
    } catch {
      guard error.errno == EPERM || error.errno == ENOSYS else {
        throw RuntimeError("protection of the runtime's binary", error)
      }
    }
    try step("protection of the runtime's binary") { () throws(SystemError) in
      try executeSealedCopy(path)
    }
  }

  private static func executeReadOnlyMount(_ path: String) throws(SystemError) {
    let tree = try MountTree.clone(path, recursive: false)
    try tree.change(set: .readOnly, path)
    try execute(tree.descriptor.rawValue, adding: nil)
  }

  private static func executeSealedCopy(_ path: String) throws(SystemError) {
    let source = try FileDescriptor.open(path, O_RDONLY)
    let copy = FileDescriptor(
      owning: try system("memfd_create") { unsafe cl_memfd_create("swrun", 3) })
    var left = Int(try source.status().st_size)
    while left > 0 {
      let count = try system("sendfile", path) {
        cl_sendfile(copy.rawValue, source.rawValue, left)
      }
      if count == 0 { throw SystemError(EIO, "sendfile", path) }
      left -= count
    }
    let seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
    try system("fcntl", "F_ADD_SEALS") { cl_fcntl(copy.rawValue, F_ADD_SEALS, Int(seals)) }
    try execute(copy.rawValue, adding: marker)
  }

  private static func execute(_ file: CInt, adding variable: String?) throws(SystemError) {
    let arguments = CStringArray(Linux.Environment.words)
    let environment = CStringArray(
      ProgramOrigin.recorded(in: Linux.Environment.variables) + (variable.map { [$0] } ?? []))
    try system("execveat", "the runtime's binary") {
      unsafe cl_execveat(file, "", arguments.pointer, environment.pointer, AT_EMPTY_PATH)
    }
  }

  /// The seals are asked for, not the marker alone: an environment says nothing of the binary.
  private static func isSealedCopy() -> Bool {
    guard Linux.Environment.variables.contains(marker),
      let own = try? FileDescriptor.open("/proc/self/exe", O_RDONLY)
    else { return false }
    return cl_fcntl(own.rawValue, F_GET_SEALS, 0) & F_SEAL_WRITE == F_SEAL_WRITE
  }
}
