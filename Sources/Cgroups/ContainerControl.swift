public import CLinux
public import JSON
public import Linux

/// What verbs do to a container by its cgroup and its first process, whichever backend runs it:
/// signals to all, the end, pause, and the removal.
public struct ContainerControl: Sendable {
  let id: String
  /// The first process in the caller's pid namespace, and when it started in clock ticks after
  /// boot; 0 when there is none.
  let pid: pid_t
  let startTime: UInt64
  /// As `CgroupPlacement.paths`; empty with `--cgroup-manager=disabled`.
  let paths: JSONTexts
  let rootless: Bool

  public init(
    id: String, pid: pid_t, startTime: UInt64, paths: JSONTexts, rootless: Bool = false
  ) {
    self.id = id
    self.pid = pid
    self.startTime = startTime
    self.paths = paths
    self.rootless = rootless
  }

  /// The container's cgroup as far as it is still there.
  public func cgroup() throws(RuntimeError) -> Cgroup {
    try Cgroup(opening: CgroupPlacement(paths: paths), rootless: rootless)
  }

  private var firstIsAlive: Bool {
    ProcessStatus.living(pid: pid, startTime: startTime) != nil
  }

  /// Sends a signal to every process of the cgroup; without one, to the first process.
  public func signalAll(_ signal: CInt) throws(RuntimeError) {
    let cgroup = try cgroup()
    if cgroup.isEmpty {
      try signalFirst(signal)
    } else {
      try cgroup.signalAll(signal)
    }
  }

  private func signalFirst(_ signal: CInt) throws(RuntimeError) {
    guard pid > 0, let process = try? Pidfd(pid), firstIsAlive else { return }
    try step("kill \(id)") { () throws(SystemError) in
      do throws(SystemError) { try process.send(signal: signal) } catch {
        if error.errno != ESRCH { throw error }
      }
    }
  }

  /// Ends every process and waits for the end of the first one.
  public func killAll() throws(RuntimeError) {
    let cgroup = try cgroup()
    try signalFirst(SIGKILL)
    if !cgroup.isEmpty { try cgroup.kill() }
    guard pid > 0, let process = try? Pidfd(pid), ProcessStatus(pid: pid)?.startTime == startTime
    else { return }
    // Readable when the process has ended, be it a zombie of another parent.
    var polled = pollfd(fd: process.descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    _ = unsafe cl_poll(&polled, 1, 100)
    // Somebody may have moved it into a frozen v1 cgroup, where it cannot die. Out of there it can,
    // and what else is frozen there stays so.
    if polled.revents == 0 && !cgroup.isEmpty { try? cgroup.add(pid: pid) }
    let deadline = cl_monotonic_ns() + 10_000_000_000
    while polled.revents == 0 {
      let left = (deadline - cl_monotonic_ns()) / 1_000_000
      if left <= 0 {
        throw RuntimeError(
          "container \(id): process \(pid) does not end after SIGKILL",
          advice: "it may wait for a device or a network file system")
      }
      _ = unsafe cl_poll(&polled, 1, CInt(clamping: left))
    }
  }

  /// The pids of the cgroup's processes in the caller's pid namespace.
  public func processes() throws(RuntimeError) -> [pid_t] {
    let cgroup = try cgroup()
    if cgroup.isEmpty {
      throw RuntimeError(
        "container \(id) has no cgroup: its processes are not known",
        advice: "it was created with --cgroup-manager=disabled")
    }
    return try cgroup.processes()
  }

  public func pause() throws(RuntimeError) { try freezable().freeze() }
  public func resume() throws(RuntimeError) { try freezable().thaw() }

  private func freezable() throws(RuntimeError) -> Cgroup {
    let cgroup = try cgroup()
    if cgroup.isEmpty {
      throw RuntimeError("container \(id) has no cgroup: it cannot be paused")
    }
    return cgroup
  }

  public var isPaused: Bool {
    // `list` asks of every container: one file is opened, that of the hierarchy that freezes.
    for member in paths where Cgroup.controllers(member.key, include: "freezer") {
      return Cgroup.isFrozen(member.value, .v1)
    }
    return paths[""].map { Cgroup.isFrozen($0, .v2) } ?? false
  }

  /// Removes the cgroup if nothing lives in it and the first process has ended; false when there
  /// may be something to end first.
  public func removeUnused() -> Bool {
    if paths.isEmpty || firstIsAlive { return false }
    return Cgroup.removeUnused(CgroupPlacement(paths: paths))
  }

  /// Removes the cgroup, whose processes have ended.
  public func removeCgroup() throws(RuntimeError) {
    if paths.isEmpty { return }
    try Cgroup.remove(CgroupPlacement(paths: paths))
  }

  /// Ends and removes what is in the place where a container's cgroup would be.
  public static func removeRemains(
    of id: String, cgroupsPath: String?, rootless: Bool = false
  ) throws(RuntimeError) {
    let placement = try CgroupLayout.detect().placement(cgroupsPath: cgroupsPath, id: id)
    let cgroup = try Cgroup(opening: placement, rootless: rootless)
    if !cgroup.isEmpty { try cgroup.kill() }
    try Cgroup.remove(placement)
  }
}
