internal import CLinux
internal import Cgroups
internal import Isolation
internal import Linux
internal import OCISpec

/// A process that joins a running container, from its clone to its exec.
struct ExecProcess {
  let plan: ExecPlan
  let channel: LaunchChannel

  /// The stage: joins everything, then makes the process that is in the pid namespace.
  func runStage() -> Never {
    do throws(RuntimeError) {
      try joinCgroup(bornInUnified: plan.bornInUnified)
      try join(plan.namespaces)
      try ContainerInit.becomeNamespaceRoot()
      let pid = cl_clone3(UInt64(CLONE_PARENT), nil, -1)
      if pid == 0 {
        guard (try? channel.waitToProceed()) == true else { cl_exit(1) }
        finish()
      }
      if pid < 0 { throw RuntimeError("exec", SystemError(-pid, "clone3")) }
      try step("exec") { () throws(SystemError) in try channel.send(.process(pid)) }
    } catch {
      try? channel.send(.failed(error))
      cl_exit(1)
    }
    cl_exit(0)
  }

  /// The process itself, when its parent entered the pid namespace for it.
  func run() -> Never {
    do throws(RuntimeError) {
      try joinCgroup(bornInUnified: plan.bornInUnified)
      try join(plan.namespaces & ~CLONE_NEWPID)
    } catch { fail(error) }
    finish()
  }

  private func joinCgroup(bornInUnified: Bool) throws(RuntimeError) {
    let affinity = plan.process.execCPUAffinity
    try CPUAffinity.apply(affinity?.initial, "initial")
    try plan.cgroup.join(bornInUnified: bornInUnified)
    if let legacy = plan.legacy { try Cgroup.join(legacy: legacy) }
    try CPUAffinity.apply(affinity?.final, "final")
  }

  /// From here on the container can see this process: it must not look into it
  /// (CVE-2019-5736), nor find a descriptor of the host.
  private func join(_ namespaces: CInt) throws(RuntimeError) {
    try step("joining the container") { () throws(SystemError) in
      try system("prctl", "PR_SET_DUMPABLE") { cl_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) }
      if namespaces != 0 {
        try system("setns", "pid \(plan.target.pid)") {
          cl_setns(plan.target.descriptor.rawValue, namespaces)
        }
      }
    }
  }

  private func finish() -> Never {
    do throws(RuntimeError) {
      try step("session") { () throws(SystemError) in try system("setsid") { cl_setsid() } }
      if !plan.options.noNewKeyring { try SessionKeyring.join(plan.id, plan.process) }
      if plan.process.terminal { try takeTerminal() }
      try plan.attributes.prepare(channel)
      try step("exec") { () throws(SystemError) in
        try channel.send(.ready)
        if try !channel.waitToProceed() { cl_exit(1) }
      }
      try plan.attributes.execute(channel)
    } catch { fail(error) }
  }

  private func fail(_ error: RuntimeError) -> Never {
    try? channel.send(.failed(error))
    cl_exit(error.exitCode)
  }

  private func takeTerminal() throws(RuntimeError) {
    let devices = try step("process.terminal") { () throws(SystemError) in
      try FileDescriptor.open("/dev", O_PATH | O_DIRECTORY)
    }
    let console = try Console(devices: devices.rawValue, plan.process)
    try console.attach(channel)
  }
}
