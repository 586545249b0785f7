internal import CLinux
internal import Linux

/// The working directory of a container's process.
struct WorkingDirectory {
  let path: String

  private static let resolution: FileDescriptor.Resolution = [.inRoot, .noMagicLinks]

  /// Changes into it; false when that takes the rights of the process's user.
  ///
  /// Never through a link of /proc: that could lead to a directory of the host that this process
  /// still has open (CVE-2024-21626).
  func enter() throws(RuntimeError) -> Bool {
    do {
      let root = try FileDescriptor.open("/", O_PATH | O_DIRECTORY)
      let directory = try root.open(path, O_PATH | O_DIRECTORY, resolve: Self.resolution)
      try system("fchdir", path) { cl_fchdir(directory.rawValue) }
      return true
    } catch {
      if error.errno == EACCES || error.errno == EPERM { return false }
      throw failure(error)
    }
  }

  /// As `enter`, by the process's user.
  func enterAsUser() throws(RuntimeError) {
    if try !enter() { throw failure(SystemError(EACCES, "chdir", path)) }
  }

  private func failure(_ error: SystemError) -> RuntimeError {
    RuntimeError(
      "chdir to cwd (\"\(path)\") set in config.json failed: \(error.reason.lowercased())",
      advice: error.errno == ELOOP ? "links of /proc are not followed" : nil)
  }

  /// Fails unless the current directory is inside the current root.
  static func checkReachable() throws(RuntimeError) {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let length = unsafe cl_getcwd(&buffer, buffer.count)
    if length > 0 && buffer[0] == CChar(UInt8(ascii: "/")) { return }
    throw RuntimeError(
      "process.cwd: the current working directory is outside of the container's root",
      advice: "name a directory that exists in the root file system")
  }
}
