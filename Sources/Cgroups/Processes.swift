public import CLinux
public import Linux

extension Cgroup {
  /// The processes of the cgroup, and of those below it when `recursive`, in the host's numbers.
  public func processes(recursive: Bool = true) throws(RuntimeError) -> [pid_t] {
    guard let directory = processDirectory else { return [] }
    return try step("cgroup \(directory.path)") { () throws(SystemError) in
      try Cgroup.processes(at: directory.reference, recursive: recursive)
    }
  }

  /// One hierarchy stands for all: a container's processes are in all of them, unless it moves
  /// them itself, which it does below its own cgroup.
  private var processDirectory: CgroupDirectory? {
    legacy("freezer") ?? legacy("devices") ?? legacy("pids") ?? unified ?? directories.first
  }

  private static func processes(
    at reference: DirectoryReference, recursive: Bool
  ) throws(SystemError) -> [pid_t] {
    var result: [pid_t] = []
    do {
      for line in try File.read("cgroup.procs", limit: 64 << 20, at: reference).split(
        separator: UInt8(ascii: "\n"))
      {
        if let pid = pid_t(String(decoding: line, as: UTF8.self)) { result.append(pid) }
      }
    } catch {
      // Removed meanwhile: then it has no processes. A threaded v2 cgroup does not list them, its
      // domain does.
      if error.errno == ENOENT || error.errno == ENODEV || error.errno == EOPNOTSUPP { return [] }
      throw error
    }
    if recursive {
      for name in try CgroupDirectory.children(at: reference) {
        guard
          let child = try? FileDescriptor.open(
            name, O_PATH | O_DIRECTORY | O_NOFOLLOW, at: reference)
        else { continue }
        result += try processes(at: DirectoryReference(child), recursive: true)
      }
    }
    return result
  }

  /// Sends a signal to every process of the cgroup and of those below it.
  ///
  /// The processes are held frozen meanwhile, so that none escapes by forking and no number comes
  /// to name another process.
  public func signalAll(_ signal: CInt) throws(RuntimeError) {
    let wasFrozen = (try? isFrozen()) ?? false
    let holds = wasFrozen || (freezerIfPresent != nil && (try? freeze()) != nil)
    defer { if holds && !wasFrozen { try? thaw() } }
    try send(signal, to: try processes(), areFrozen: holds)
  }

  /// Kills every process of the cgroup and of those below it; they may still be dying afterwards.
  public func kill() throws(RuntimeError) {
    // v2 does it in one step. On a hybrid machine the container may have moved processes out of
    // its v2 cgroup, and v1 freezing keeps them from dying: those are for the loop.
    if let unified { try? unified.write("cgroup.kill", "1") }
    var mayFreeze = freezerIfPresent != nil
    for attempt in 0..<100 {
      var left = try processes()
      if left.isEmpty { return }
      // The first round without: mostly it is enough. Then forks may be outrunning it.
      let holds = attempt > 0 && mayFreeze && (try? freeze()) != nil
      if holds { left = try processes() } else if attempt > 0 { mayFreeze = false }
      try send(SIGKILL, to: left, areFrozen: holds)
      if freezerIfPresent != nil { try? thaw() }
      Cgroup.sleep(milliseconds: CInt(min(1 << (attempt / 4), 50)))
    }
    let left = try processes()
    if left.isEmpty { return }
    throw RuntimeError(
      "cgroup: \(left.count) process(es) survive SIGKILL, such as \(left[0])",
      advice: "a process waits uninterruptibly, perhaps for a disk or network filesystem: try again"
    )
  }

  /// Signals processes whose numbers were read a moment ago.
  private func send(
    _ signal: CInt, to pids: [pid_t], areFrozen: Bool
  ) throws(RuntimeError) {
    // Open first, then look whether the number is still one of ours: so it can't be another's. In
    // parts, because descriptors are limited.
    for start in stride(from: 0, to: pids.count, by: 128) {
      var opened: [(pid: pid_t, fd: CInt)] = []
      defer { for process in opened { _ = cl_close(process.fd) } }
      for pid in pids[start..<min(start + 128, pids.count)] {
        let fd = cl_pidfd_open(pid, 0)
        if fd >= 0 { opened.append((pid, fd)) }
      }
      let present = areFrozen ? pids : try processes()
      for process in opened where present.contains(process.pid) {
        let result = cl_pidfd_send_signal(process.fd, signal)
        if result < 0 && result != -ESRCH {
          throw RuntimeError(
            "cgroup: signal \(signal)",
            SystemError(-result, "pidfd_send_signal", "pid \(process.pid)"))
        }
      }
    }
  }
}
