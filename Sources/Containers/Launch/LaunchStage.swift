internal import CLinux
internal import Cgroups
internal import Isolation
internal import Linux
internal import OCISpec

/// The process before the container's first one, where that must be born into namespaces that a
/// process cannot enter itself: joined pid and user namespaces, and a new time namespace.
struct LaunchStage {
  let plan: LaunchPlan
  let channel: LaunchChannel

  func run() -> Never {
    do throws(RuntimeError) {
      try enter()
      try cloneInit()
    } catch {
      try? channel.send(.failed(error))
      cl_exit(1)
    }
    cl_exit(0)
  }

  private func enter() throws(RuntimeError) {
    // Here, for a user namespace that is joined may have no rights in the cgroups; the container's
    // process inherits them.
    try plan.cgroup.join(bornInUnified: plan.bornInUnified)
    let namespaces = plan.namespaces
    if namespaces.isNew(.user) {
      try step("user namespace") { () throws(SystemError) in
        try system("unshare", "CLONE_NEWUSER") { cl_unshare(CLONE_NEWUSER) }
      }
      try ContainerInit.awaitMappings(channel)
    }
    for kind in [Spec.Linux.Namespace.Kind.user, .pid] {
      for join in namespaces.joins where join.kind == kind {
        try step("joining the \(kind.rawValue) namespace") { () throws(SystemError) in
          try system("setns", join.path) {
            cl_setns(join.descriptor.rawValue, NamespacePlan.flag(kind))
          }
        }
        if kind == .user { try ContainerInit.becomeNamespaceRoot() }
      }
    }
    guard namespaces.isNew(.time) else { return }
    try step("linux.timeOffsets") { () throws(SystemError) in
      try system("unshare", "CLONE_NEWTIME") { cl_unshare(CLONE_NEWTIME) }
      // Only before the first process is born into the namespace can its clocks be set.
      if !namespaces.timeOffsets.isEmpty {
        try File.write("/proc/self/timens_offsets", namespaces.timeOffsets)
      }
    }
  }

  /// The container's process is a child of the runtime, not of this one, which ends.
  private func cloneInit() throws(RuntimeError) {
    let flags = plan.namespaces.cloneFlags & ~(plan.namespaces.isNew(.user) ? CLONE_NEWUSER : 0)
    let pid = cl_clone3(
      UInt64(UInt32(bitPattern: flags | CLONE_PARENT)), nil,
      -1)
    if pid == 0 {
      do {
        // The runtime must know this process before it can be waited for.
        guard try channel.waitToProceed() else { cl_exit(1) }
      } catch { cl_exit(1) }
      ContainerInit(plan: plan, channel: channel).run()
    }
    if pid < 0 { throw plan.cgroup.cloneFailure(SystemError(-pid, "clone3")) }
    try step("container process") { () throws(SystemError) in try channel.send(.process(pid)) }
  }
}
