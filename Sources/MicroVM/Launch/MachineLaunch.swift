internal import CLinux
internal import Cgroups
internal import Isolation
internal import JSON
internal import Linux
internal import MachinePlan

/// Everything that swrun-vmm is started with, prepared before the clone.
final class MachineLaunch {
  var plan: MachinePlan
  let terminal: HostTerminal?
  let cgroup: Cgroup
  private let program: SharedDescriptor
  private let programPath: String
  private let oomScore: Int?
  /// The state directory, whose lock the clone must not hold on to.
  private let lock: CInt
  /// What the plan names by number: kept open up to the exec, and inherited over it.
  private let passed: [SharedDescriptor]

  init(
    _ plan: MachinePlan, passing descriptors: [SharedDescriptor], terminal: HostTerminal?,
    cgroup: consuming Cgroup, oomScore: Int?, lock: CInt
  ) throws(RuntimeError) {
    self.plan = plan
    passed = descriptors
    self.terminal = terminal
    self.cgroup = cgroup
    self.oomScore = oomScore
    self.lock = lock
    (program, programPath) = try Programs.open("swrun-vmm")
  }

  /// The terminal's master side, unless it went to somebody's socket.
  var console: SharedDescriptor? {
    guard let terminal, terminal.master.rawValue >= 0 else { return nil }
    return terminal.master
  }

  /// Clones the process that becomes the VMM: in the container's cgroup, with namespaces of its
  /// own, of which the network namespace is the container's.
  func launch(
    _ attend: (LaunchChannel, pid_t, SharedDescriptor) throws(RuntimeError) -> Launched
  ) throws(RuntimeError) -> Launched {
    let pair = try step(programPath) { () throws(SystemError) in try SocketPair() }
    plan.channel = pair.second.rawValue
    let file = try planFile()
    let arguments = CStringArray(["swrun-vmm", "--plan", String(file.rawValue), plan.id])
    let environment = CStringArray([])
    var pidfd: CInt = -1
    let pid = unsafe cl_clone3(
      UInt64(Self.namespaces), &pidfd,
      cgroup.unifiedDirectory?.rawValue ?? -1)
    if pid == 0 {
      pair.first.close()
      _ = cl_close(lock)
      run(LaunchChannel(socket: pair.second), file, arguments, environment)
    }
    if pid < 0 { throw cgroup.cloneFailure(SystemError(-pid, "clone3")) }
    pair.second.close()
    terminal?.slave.close()
    return try attend(
      LaunchChannel(socket: pair.first), pid, SharedDescriptor(FileDescriptor(owning: pidfd)))
  }

  private static let namespaces =
    CL_CLONE_NEWNS | CL_CLONE_NEWPID | CL_CLONE_NEWIPC | CL_CLONE_NEWUTS | CL_CLONE_NEWNET

  /// The plan as a sealed file in memory: a pipe would bound its size.
  private func planFile() throws(RuntimeError) -> SharedDescriptor {
    var json = JSONWriter()
    plan.write(to: &json)
    return try MemoryFile.sealed("plan", json.bytes)
  }

  /// In the clone: never returns.
  private func run(
    _ channel: LaunchChannel, _ file: SharedDescriptor, _ arguments: CStringArray,
    _ environment: CStringArray
  ) -> Never {
    do throws(RuntimeError) {
      try cgroup.join(bornInUnified: cgroup.unifiedDirectory != nil)
      try step(programPath) { () throws(SystemError) in
        try system("setsid") { cl_setsid() }
        try terminal?.take()
        if let oomScore { try File.write("/proc/self/oom_score_adj", String(oomScore)) }
        // What swrun's caller left open is none of the VMM's business.
        try system("close_range") {
          cl_close_range(3, ~0, UInt32(CL_CLOSE_RANGE_CLOEXEC))
        }
        for descriptor in passed + [channel.socket, file] {
          try system("fcntl") { cl_fcntl(descriptor.rawValue, F_SETFD, 0) }
        }
        cl_reset_signals()
        try system("execveat", programPath) {
          unsafe cl_execveat(
            program.rawValue, "", arguments.pointer, environment.pointer, AT_EMPTY_PATH)
        }
      }
    } catch {
      try? channel.send(.failed(error))
    }
    cl_exit(1)
  }
}
