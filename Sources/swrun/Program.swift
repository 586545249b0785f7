internal import CLinux
internal import Linux

/// A program of the host that swrun calls.
enum Program {
  /// Runs the program, found on PATH, with our standard input and error: its exit code, and what
  /// it wrote to its standard output.
  static func output(
    of name: String, _ arguments: [String]
  ) throws(RuntimeError) -> (code: CInt, output: String) {
    let path = try find(name)
    let argv = CStringArray([name] + arguments)
    let pipe = try step(name) { () throws(SystemError) in try Pipe() }
    let pid = cl_clone3(0, nil, -1)
    if pid == 0 {
      cl_reset_signals()
      _ = cl_dup2(pipe.writer.rawValue, 1)
      _ = unsafe cl_execve(path, argv.pointer, cl_environ())
      cl_exit(127)
    }
    if pid < 0 { throw RuntimeError(name, SystemError(-pid, "clone3")) }
    pipe.writer.close()
    return try step(name) { () throws(SystemError) in
      let output = try pipe.reader.take()?.readAll(limit: 64 << 20, name) ?? []
      var status: CInt = 0
      try system("waitpid", name) { unsafe cl_waitpid(pid, &status, 0) }
      return (cl_exit_code(status), String(decoding: output, as: UTF8.self))
    }
  }

  private static func find(_ name: String) throws(RuntimeError) -> String {
    let path = Environment.value("PATH") ?? "/usr/bin:/bin"
    for directory in path.split(separator: ":") where directory.hasPrefix("/") {
      let file = "\(directory)/\(name)"
      if unsafe cl_faccessat(AT_FDCWD, file, X_OK, 0) == 0 { return file }
    }
    throw RuntimeError("\(name) is not on PATH", advice: "install it, or give no arguments")
  }
}
