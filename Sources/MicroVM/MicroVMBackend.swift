internal import CLinux
internal import Cgroups
internal import GuestProtocol
internal import GuestSession
public import Isolation
internal import JSON
public import Linux
internal import MachinePlan
internal import OCISpec

/// Isolation by a virtual machine of its own: swrun-vmm runs the guest, and the guest's agent runs
/// the bundle.
public struct MicroVMBackend: Backend {
  public let name = "vm"
  public let endsSlowly = true
  /// The state store's root, where what was found out about the machine is kept.
  let stateRoot: String
  let warn: (String) -> Void

  public init(stateRoot: String, warn: @escaping (String) -> Void) {
    self.stateRoot = stateRoot
    self.warn = warn
  }

  public func create(
    _ bundle: Bundle, _ record: inout ContainerRecord, in directory: borrowing ContainerDirectory,
    _ options: CreateOptions
  ) throws(RuntimeError) -> any LaunchedProcess {
    let machine = try MachineDescription(bundle, options, stateRoot: stateRoot, id: record.id)
    if let warning = machine.engine.warning { warn(warning) }
    for warning in machine.warnings { warn(warning) }
    record.machine = machine.summary
    let placement = try CgroupManager.placement(
      manager: options.cgroupManager, cgroupsPath: bundle.spec.linux.cgroupsPath, id: record.id)
    record.cgroups = placement?.paths ?? [:]
    let records = directory.records
    try records.save(record)
    var known = record
    do {
      var cgroup = Cgroup()
      if let placement {
        let resources = ResourceSplit.host(
          bundle.spec.linux.resources, machine: record.machine)
        cgroup = try Cgroup.create(placement, resources: resources)
        for warning in try cgroup.apply(resources, scope: .create) { warn(warning) }
      }
      Trace.mark("cgroup")
      let launch = try machine.launch(cgroup, in: directory, options)
      let launched = try launch.launch { channel, pid, pidfd throws(RuntimeError) in
        var attendant = LaunchAttendant(
          channel: channel, pid: pid, pidfd: pidfd, consoleSocket: options.consoleSocket,
          pidfdSocket: options.pidfdSocket, warn: warn)
        attendant.console = launch.console
        attendant.answers.known = { pid throws(RuntimeError) in
          known.pid = pid
          known.isSettingUp = true
          known.startTime = ProcessStatus(pid: pid)?.startTime ?? 0
          try records.save(known)
        }
        attendant.answers.ended = { what in
          GuestFault.error("virtual machine: \(what)", console(of: known.id))
        }
        attendant.answers.hooks = { pid throws(RuntimeError) in
          try runHooks(bundle.spec.hooks, known, pid: pid)
        }
        return try attendant.attend(isStage: false)
      }
      known.isSettingUp = false
      try records.save(known)
      record = known
      if !options.startsAtOnce { try launched.leave() }
      Trace.mark("container")
      return launched
    } catch {
      try? destroy(known)
      throw error
    }
  }

  /// What the VMM has kept of the guest's console.
  private func console(of id: String) -> ConsoleText {
    let path = "\(stateRoot)/\(id)/\(MachineDescription.consoleName)"
    return ConsoleText((try? File.read(path, limit: 4 << 20)) ?? [])
  }

  /// The hooks of the host's side, with the VMM as the container's process.
  private func runHooks(
    _ hooks: Spec.Hooks, _ record: ContainerRecord, pid: pid_t
  ) throws(RuntimeError) {
    if hooks.prestart.isEmpty && hooks.createRuntime.isEmpty { return }
    let runner = HookRunner(
      state: State(
        ociVersion: record.ociVersion, id: record.id, status: .creating, pid: pid,
        bundle: record.bundle, annotations: record.annotations))
    try runner.run(hooks.prestart, kind: "prestart")
    try runner.run(hooks.createRuntime, kind: "createRuntime")
  }
}
