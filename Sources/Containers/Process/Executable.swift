internal import CLinux
internal import Linux

/// The program that a process executes, as it is found from inside the container.
struct Executable {
  /// What process.args[0] says.
  let name: String
  /// What is executed.
  let path: String
  /// Where else PATH says to look.
  private let laterDirectories: ArraySlice<Substring>

  /// Looks the name up: in the PATH of the process's environment unless it has a slash.
  ///
  /// `isInPlace` is false while the working directory is not entered yet: a relative path is then
  /// left to the exec.
  static func find(
    _ name: String, searchPath: String?, isInPlace: Bool
  ) throws(RuntimeError) -> Executable {
    if name.utf8.contains(UInt8(ascii: "/")) {
      if isInPlace || name.utf8.first == UInt8(ascii: "/") { try check(name) }
      return Executable(name: name, path: name, laterDirectories: [])
    }
    guard !name.isEmpty, let searchPath else { throw notFound(name) }
    let directories = searchPath.split(separator: ":", omittingEmptySubsequences: false)
    for (index, directory) in directories.enumerated() {
      let candidate = path(of: name, in: directory)
      if isExecutable(candidate) {
        return Executable(
          name: name, path: candidate, laterDirectories: directories[(index + 1)...])
      }
    }
    throw notFound(name)
  }

  private static func path(of name: String, in directory: Substring) -> String {
    directory.isEmpty ? "./\(name)" : "\(directory)/\(name)"
  }

  private static func notFound(_ name: String) -> RuntimeError {
    RuntimeError(
      "exec: \"\(name)\": executable file not found in $PATH",
      advice: "process.args[0] must be a program of the root file system", exitCode: 127)
  }

  private static func isExecutable(_ path: String) -> Bool {
    var status = stat()
    guard unsafe cl_fstatat(AT_FDCWD, path, &status, 0) == 0 else { return false }
    return status.st_mode & mode_t(S_IFMT) == mode_t(S_IFREG) && status.st_mode & 0o111 != 0
  }

  /// Fails unless a path with a slash leads to a file that somebody may execute.
  private static func check(_ path: String) throws(RuntimeError) {
    var status = stat()
    let result = unsafe cl_fstatat(AT_FDCWD, path, &status, 0)
    if result < 0 {
      let reason = SystemError.reason(-result).lowercased()
      throw RuntimeError(
        "exec: \"\(path)\": stat \(path): \(reason)", exitCode: result == -EACCES ? 126 : 127)
    }
    if status.st_mode & mode_t(S_IFMT) == mode_t(S_IFDIR) {
      throw RuntimeError("exec: \"\(path)\": is a directory", exitCode: 126)
    }
    if status.st_mode & mode_t(S_IFMT) != mode_t(S_IFREG) || status.st_mode & 0o111 == 0 {
      throw RuntimeError(
        "exec: \"\(path)\": permission denied",
        advice: "it has no right to execute: chmod +x", exitCode: 126)
    }
  }

  /// Becomes the program; returns only what kept it from that.
  func execute(_ arguments: CStringArray, _ environment: CStringArray) -> RuntimeError {
    let result = unsafe cl_execve(path, arguments.pointer, environment.pointer)
    // It was root that looked through PATH. What its user may not reach or execute is not the
    // user's: the search goes on, as execvp's does.
    if result == -EACCES {
      for directory in laterDirectories {
        let candidate = Self.path(of: name, in: directory)
        let later = unsafe cl_execve(candidate, arguments.pointer, environment.pointer)
        switch -later {
        case EACCES, ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG: continue
        default: return failure(later, of: candidate)
        }
      }
    }
    return failure(result, of: path)
  }

  /// What a failed execve means.
  private func failure(_ result: CInt, of path: String) -> RuntimeError {
    let error = SystemError(-result, "execve", path)
    switch error.errno {
    case ENOENT:
      if let missing = ExecutableHeader.missing(of: path) {
        return RuntimeError("exec: \"\(name)\": \(missing)", exitCode: 127)
      }
      return RuntimeError(
        "exec: \"\(name)\": stat \(path): no such file or directory", exitCode: 127)
    case ENOTDIR:
      return RuntimeError("exec: \"\(name)\": stat \(path): not a directory", exitCode: 127)
    case ENOEXEC:
      return RuntimeError(
        "exec: \"\(name)\": exec format error",
        advice: ExecutableHeader(path)?.wrongMachine ?? "a script must start with #! and a program",
        exitCode: 126)
    default:
      return RuntimeError(
        "exec: \"\(name)\": \(error.reason.lowercased())",
        advice: error.errno == EACCES
          ? "the user needs the right to execute it and to enter its directories, and its mount"
            + " must not be noexec" : nil,
        exitCode: 126)
    }
  }
}
