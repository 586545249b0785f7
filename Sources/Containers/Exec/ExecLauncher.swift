internal import CLinux
internal import Cgroups
internal import Isolation
internal import Linux
internal import OCISpec

/// The runtime's side of an exec.
enum ExecLauncher {
  static func launch(
    _ plan: ExecPlan, warn: @escaping (String) -> Void
  ) throws(RuntimeError) -> Launched {
    let pair = try step("exec") { () throws(SystemError) in try SocketPair() }
    var descriptor: CInt = -1
    if !plan.needsStage && plan.namespaces & CLONE_NEWPID != 0 {
      // Takes effect for children alone: this process stays where it is.
      try step("joining the pid namespace") { () throws(SystemError) in
        try system("setns", "pid \(plan.target.pid)") {
          cl_setns(plan.target.descriptor.rawValue, CLONE_NEWPID)
        }
      }
    }
    let cgroup = plan.cgroup.unifiedDirectory?.rawValue ?? -1
    try plan.attributes.giveStreams()
    let oomScore = try OOMScore.lend(plan.process.oomScoreAdj)
    let pid = unsafe cl_clone3(0, &descriptor, cgroup)
    if pid == 0 {
      cl_binary_view_close()
      pair.first.close()
      let process = ExecProcess(plan: plan, channel: LaunchChannel(socket: pair.second))
      if plan.needsStage { process.runStage() }
      process.run()
    }
    oomScore.restore()
    if pid < 0 { throw cloneFailure(SystemError(-pid, "clone3"), plan) }
    pair.second.close()
    var attendant = LaunchAttendant(
      channel: LaunchChannel(socket: pair.first), pid: pid,
      pidfd: SharedDescriptor(FileDescriptor(owning: descriptor)),
      consoleSocket: plan.options.consoleSocket, pidfdSocket: plan.options.pidfdSocket, warn: warn)
    attendant.answers.listener = { listener, pid throws(RuntimeError) in
      try plan.attributes.deliver(listener, pid: pid, plan.state(pid: pid))
    }
    attendant.startsUnasked = plan.startsUnasked
    return try attendant.attend(isStage: plan.needsStage)
  }

  private static func cloneFailure(_ error: SystemError, _ plan: ExecPlan) -> RuntimeError {
    // The first process of a pid namespace has ended: no other can be born there.
    error.errno == ENOMEM && plan.namespaces & CLONE_NEWPID != 0
      ? RuntimeError("cannot exec in a stopped container: \(plan.id)")
      : plan.cgroup.cloneFailure(error)
  }
}
