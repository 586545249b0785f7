internal import CLinux
internal import Cgroups
internal import Isolation
internal import Linux
internal import OCISpec

/// The runtime's side of a launch.
enum Launcher {
  /// Makes the process and brings it to where it waits to execute.
  ///
  /// `known` is called as soon as the container's process exists, with its pid. When this throws
  /// the process is gone.
  static func launch(
    _ plan: LaunchPlan, warn: @escaping (String) -> Void,
    known: @escaping (pid_t) throws(RuntimeError) -> Void
  ) throws(RuntimeError) -> Launched {
    let pair = try step("container process") { () throws(SystemError) in try SocketPair() }
    let staged = plan.namespaces.needsStage
    let flags = staged ? 0 : plan.namespaces.cloneFlags
    let cgroup = plan.cgroup.unifiedDirectory?.rawValue ?? -1
    var pidfd: CInt = -1
    try plan.attributes.giveStreams()
    let oomScore = try OOMScore.lend(plan.process.oomScoreAdj)
    let pid = unsafe cl_clone3(UInt64(UInt32(bitPattern: flags)), &pidfd, cgroup)
    if pid == 0 {
      cl_binary_view_close()
      // The other end must be the runtime's alone: its end tells this process to end.
      pair.first.close()
      plan.leaveRuntime()
      let channel = LaunchChannel(socket: pair.second)
      if staged { LaunchStage(plan: plan, channel: channel).run() }
      ContainerInit(plan: plan, channel: channel).run()
    }
    oomScore.restore()
    if pid < 0 { throw cloneFailure(SystemError(-pid, "clone3"), plan) }
    pair.second.close()
    var attendant = LaunchAttendant(
      channel: LaunchChannel(socket: pair.first), pid: pid,
      pidfd: SharedDescriptor(FileDescriptor(owning: pidfd)),
      consoleSocket: plan.options.consoleSocket, pidfdSocket: plan.options.pidfdSocket, warn: warn)
    attendant.answers.known = known
    attendant.answers.mappings = { pid throws(RuntimeError) in try plan.mappings.apply(to: pid) }
    attendant.answers.hooks = { pid throws(RuntimeError) in
      let runner = plan.hookRunner(.creating, pid: pid)
      try runner.run(plan.spec.hooks.prestart, kind: "prestart")
      try runner.run(plan.spec.hooks.createRuntime, kind: "createRuntime")
    }
    attendant.answers.listener = { listener, pid throws(RuntimeError) in
      try plan.attributes.deliver(listener, pid: pid, plan.state(.creating, pid: pid))
    }
    attendant.tellsWhenKnown = plan.lateCgroup != nil
    attendant.startsUnasked = plan.startsUnasked
    return try attendant.attend(isStage: staged)
  }

  private static func cloneFailure(_ error: SystemError, _ plan: LaunchPlan) -> RuntimeError {
    plan.namespaces.failure(error) ?? plan.cgroup.cloneFailure(error)
  }
}
