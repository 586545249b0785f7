internal import CLinux
internal import Cgroups
internal import Isolation
internal import Linux
internal import OCISpec

/// The container's first process, from its clone to the exec of the user's program.
///
/// Runs in a single-threaded clone of the runtime. Nothing here is shared with the runtime but
/// the channel; every failure ends the process with a report.
struct ContainerInit {
  let plan: LaunchPlan
  let channel: LaunchChannel

  func run() -> Never {
    do {
      try prepare()
    } catch {
      try? channel.send(.failed(error))
      cl_exit(CInt(error.exitCode))
    }
    cl_exit(0)
  }

  private func prepare() throws(RuntimeError) {
    if !plan.namespaces.needsStage {
      try plan.cgroup.join(bornInUnified: plan.bornInUnified)
      if plan.namespaces.isNew(.user) { try Self.awaitMappings(channel) }
    }
    try becomeLeader()
    try joinNamespaces()
    try nameHost()
    if !plan.options.noNewKeyring { try SessionKeyring.join(plan.id, plan.process) }
    let cgroups = LateCgroup(plan: plan, channel: channel)
    plan.rootfs.beforeCgroups = cgroups.join
    try plan.rootfs.mountAll()
    try cgroups.join()
    if plan.process.terminal { try takeTerminal() }
    try runCreationHooks()
    try plan.rootfs.enter(workingDirectory: plan.process.cwd)
    try plan.rootfs.finish()
    let attributes = plan.attributes
    try attributes.prepare(channel)
    try awaitStart(attributes)
  }

  /// Waits for the id maps, then becomes root of the new user namespace.
  static func awaitMappings(_ channel: LaunchChannel) throws(RuntimeError) {
    try step("user namespace") { () throws(SystemError) in
      try channel.send(.needsMappings)
      if try !channel.waitToProceed() { cl_exit(1) }
    }
    try becomeNamespaceRoot()
  }

  /// Id 0 of the user namespace: what is made from now on belongs to it.
  static func becomeNamespaceRoot() throws(RuntimeError) {
    try step("user namespace", advice: "id 0 must be mapped in linux.uidMappings and gidMappings") {
      () throws(SystemError) in
      try system("setresgid", "0") { cl_setresgid(0, 0, 0) }
      try system("setresuid", "0") { cl_setresuid(0, 0, 0) }
    }
  }

  /// A session of its own; and no other process may look into this one until it executes:
  /// /proc/PID/exe of a joined pid namespace would otherwise lead to the runtime (CVE-2019-5736).
  private func becomeLeader() throws(RuntimeError) {
    try step("session") { () throws(SystemError) in
      try system("setsid") { cl_setsid() }
      try system("prctl", "PR_SET_DUMPABLE") { cl_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) }
    }
  }

  /// Joins what the clone could not give: existing namespaces, and the cgroup namespace, whose
  /// root is the cgroup that this process is in by now.
  private func joinNamespaces() throws(RuntimeError) {
    for join in plan.namespaces.joins where join.kind != .user && join.kind != .pid {
      try step("joining the \(join.kind.rawValue) namespace") { () throws(SystemError) in
        try system("setns", join.path) {
          cl_setns(join.descriptor.rawValue, NamespacePlan.flag(join.kind))
        }
      }
    }
    let inside = plan.namespaces.madeInside
    if inside != 0 {
      let result = cl_unshare(inside)
      if result < 0 {
        let error = SystemError(-result, "unshare")
        throw plan.namespaces.failure(error) ?? RuntimeError("linux.namespaces", error)
      }
    }
    if plan.namespaces.isNew(.network) {
      try step("loopback interface") { () throws(SystemError) in
        try system("ioctl", "SIOCSIFFLAGS lo") { cl_loopback_up() }
      }
    }
  }

  private func nameHost() throws(RuntimeError) {
    if let name = plan.spec.hostname {
      try step("hostname") { () throws(SystemError) in
        try system("sethostname", name) { unsafe cl_sethostname(name, name.utf8.count) }
      }
    }
    if let name = plan.spec.domainname {
      try step("domainname") { () throws(SystemError) in
        try system("setdomainname", name) { unsafe cl_setdomainname(name, name.utf8.count) }
      }
    }
  }

  /// Makes the terminal in the container's devpts and hands its master side to the runtime.
  private func takeTerminal() throws(RuntimeError) {
    try plan.rootfs.openConsole(plan.process).attach(channel)
  }

  /// prestart and createRuntime run on the runtime's side, createContainer here; all of them
  /// before pivot_root (config.md, "POSIX-platform Hooks").
  private func runCreationHooks() throws(RuntimeError) {
    let hooks = plan.spec.hooks
    if !hooks.prestart.isEmpty || !hooks.createRuntime.isEmpty {
      try step("hooks") { () throws(SystemError) in
        try channel.send(.needsHooks)
        if try !channel.waitToProceed() { cl_exit(1) }
      }
    }
    if !hooks.createContainer.isEmpty {
      try plan.hookRunner(.creating, pid: getpid()).run(
        hooks.createContainer, kind: "createContainer")
    }
  }

  /// Waits for the start and executes; returns only by a throw, whose report goes to whoever
  /// started the container.
  private func awaitStart(_ attributes: ProcessAttributes) throws(RuntimeError) -> Never {
    try step("container process") { () throws(SystemError) in
      try channel.send(.ready)
      if try !channel.waitToProceed() { cl_exit(1) }
    }
    var reporting = channel
    if let listener = plan.startSocket {
      channel.socket.close()
      do {
        reporting = try StartSocket.awaitStart(listener)
      } catch {
        cl_exit(1)
      }
    }
    do {
      if !plan.spec.hooks.startContainer.isEmpty {
        try plan.hookRunner(.created, pid: getpid()).run(
          plan.spec.hooks.startContainer, kind: "startContainer")
      }
      try attributes.execute(reporting)
    } catch {
      try? reporting.send(.failed(error))
      cl_exit(CInt(error.exitCode))
    }
  }
}
