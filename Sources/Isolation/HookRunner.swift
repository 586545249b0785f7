internal import CLinux
public import Linux
public import OCISpec

/// Runs the hooks of a configuration (runtime-spec config.md, "POSIX-platform Hooks").
public struct HookRunner {
  /// What each hook reads from its standard input.
  let state: [UInt8]

  public init(state: State) { self.state = state.encoded() }

  /// Runs hooks one after the other; the first that fails ends the row with an error.
  ///
  /// `kind` is the property, such as `prestart`. Works in a single-threaded clone as well.
  public func run(_ hooks: [Spec.Hook], kind: String) throws(RuntimeError) {
    for (index, hook) in hooks.enumerated() {
      try run(hook, name: "hooks.\(kind)[\(index)]")
    }
  }

  /// Runs all hooks, whatever becomes of each, and returns the faults.
  public func runAll(_ hooks: [Spec.Hook], kind: String) -> [RuntimeError] {
    var faults: [RuntimeError] = []
    for (index, hook) in hooks.enumerated() {
      do {
        try run(hook, name: "hooks.\(kind)[\(index)]")
      } catch {
        faults.append(error)
      }
    }
    return faults
  }

  private func run(_ hook: Spec.Hook, name: String) throws(RuntimeError) {
    let input = try step(name) { () throws(SystemError) in try Pipe() }
    let failure = try step(name) { () throws(SystemError) in try Pipe() }
    let complaint = try step(name) { () throws(SystemError) in try Pipe() }
    // Prepared before the clone: the child must only make system calls.
    let arguments = CStringArray(hook.args.isEmpty ? [hook.path] : hook.args)
    let environment = CStringArray(hook.env)
    var pidfd: CInt = -1
    let pid = unsafe cl_clone3(0, &pidfd, -1)
    if pid == 0 {
      _ = cl_dup2(input.reader.rawValue, 0)
      _ = cl_dup2(complaint.writer.rawValue, 2)
      cl_reset_signals()
      // Its own group, so that a timeout ends what the hook started as well.
      _ = cl_setpgid(0, 0)
      _ = cl_close_range(3, ~0, UInt32(CL_CLOSE_RANGE_CLOEXEC))
      var result = unsafe cl_execve(hook.path, arguments.pointer, environment.pointer)
      unsafe withUnsafeBytes(of: &result) {
        _ = unsafe cl_write(failure.writer.rawValue, $0.baseAddress, $0.count)
      }
      cl_exit(127)
    }
    guard pid > 0 else { throw RuntimeError(name, SystemError(-pid, "clone3")) }
    let process = Pidfd(owning: FileDescriptor(owning: pidfd), pid: pid)
    input.reader.close()
    failure.writer.close()
    complaint.writer.close()
    var words = HookOutput(complaint.reader)
    let ended = feed(input.writer, process, timeout: hook.timeout, &words)
    var status: CInt = 0
    while unsafe cl_waitpid(process.pid, &status, 0) == -EINTR {}
    if !ended {
      throw RuntimeError(
        "\(name): \(hook.path) did not end within its timeout of \(hook.timeout ?? 0) s")
    }
    words.drain()
    // What a hook that succeeds says is for the user; what one that fails says is its reason.
    if status == 0 { words.passOn() }
    try judge(status, failure.reader, path: hook.path, name, words.reason)
  }

  /// Hands over the state and waits for the end of the process; false when time ran out, and the
  /// process and its group were killed.
  private func feed(
    _ writer: SharedDescriptor, _ process: borrowing Pidfd, timeout: Int?,
    _ words: inout HookOutput
  ) -> Bool {
    let deadline = timeout.map { cl_monotonic_ns() + Int64($0) * 1_000_000_000 }
    // Non-blocking: a hook that never reads its state must not hold the runtime beyond its
    // timeout. The state is small beside a pipe's 64 KiB, and a larger one waits by poll.
    _ = cl_fcntl(writer.rawValue, F_SETFL, Int(O_NONBLOCK))
    var offset = 0
    while true {
      if writer.rawValue >= 0 {
        let count = unsafe state.withUnsafeBytes {
          unsafe cl_write(writer.rawValue, $0.baseAddress! + offset, $0.count - offset)
        }
        if count > 0 { offset += count }
        if offset == state.count || (count < 0 && count != -Int(EAGAIN)) { writer.close() }
      }
      var polled = [
        pollfd(fd: process.descriptor.rawValue, events: Int16(POLLIN), revents: 0),
        pollfd(fd: writer.rawValue, events: Int16(POLLOUT), revents: 0),
        pollfd(fd: words.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      var wait: CInt = -1
      if let deadline {
        wait = CInt(clamping: max(0, (deadline - cl_monotonic_ns() + 999_999) / 1_000_000))
      }
      if unsafe cl_poll(&polled, 3, wait) == 0 {
        _ = cl_kill(-process.pid, SIGKILL)
        _ = cl_kill(process.pid, SIGKILL)
        return false
      }
      if polled[2].revents != 0 { words.drain() }
      if polled[0].revents != 0 { return true }
    }
  }

  /// Throws unless the hook was executed and ended with 0.
  private func judge(
    _ status: CInt, _ failure: SharedDescriptor, path: String, _ name: String, _ reason: String
  ) throws(RuntimeError) {
    var errno: CInt = 0
    let reported = unsafe withUnsafeMutableBytes(of: &errno) {
      unsafe cl_read(failure.rawValue, $0.baseAddress, $0.count)
    }
    if reported == MemoryLayout<CInt>.size {
      throw RuntimeError(name, SystemError(-errno, "execve", path))
    }
    guard status != 0 else { return }
    let code = cl_exit_code(status)
    throw RuntimeError(
      status & 0x7f != 0
        ? "\(name): \(path) was ended by signal \(code - 128)\(reason)"
        : "\(name): \(path) failed with exit code \(code)\(reason)")
  }
}
