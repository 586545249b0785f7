internal import CLinux
internal import Cgroups
public import Isolation
internal import JSON
public import Linux
public import OCISpec
internal import Seccomp

/// Isolation by namespaces, cgroups, seccomp and capabilities on the host's kernel.
public struct ContainerBackend: Backend {
  public let name = "container"
  public let endsSlowly = false
  /// Where compiled seccomp filters are kept; nil keeps none.
  let cacheDirectory: String?
  /// Whether it is no error that cgroups may not be written (`--rootless`).
  let rootless: Bool
  let warn: (String) -> Void

  public init(cacheDirectory: String?, rootless: Bool, warn: @escaping (String) -> Void) {
    self.cacheDirectory = cacheDirectory
    self.rootless = rootless
    self.warn = warn
  }

  public func create(
    _ bundle: Bundle, _ record: inout ContainerRecord, in directory: borrowing ContainerDirectory,
    _ options: CreateOptions
  ) throws(RuntimeError) -> any LaunchedProcess {
    let placement = try CgroupManager.placement(
      manager: options.cgroupManager, cgroupsPath: bundle.spec.linux.cgroupsPath, id: record.id)
    record.cgroups = placement?.paths ?? [:]
    let records = directory.records
    try records.save(record)
    let plan = try LaunchPlan(
      bundle, record, in: directory, options, cacheDirectory: cacheDirectory)
    Trace.mark("plan")
    var known = record
    do {
      let resources = bundle.spec.linux.resources
      if let placement {
        let isLate = !rootless && plan.joinsLate && !placement.legacy.directories.isEmpty
        // Which controllers the v2 side has to give is known when the v1 side is there.
        plan.cgroup = try Cgroup.create(
          isLate ? placement.unified : placement, resources: isLate ? nil : resources,
          rootless: rootless)
        plan.rootfs.cgroups = isLate ? placement.paths : plan.cgroup.paths
        if isLate { plan.lateCgroup = placement.legacy }
      }
      if plan.lateCgroup == nil { try limit(plan, resources) }
      Trace.mark("cgroup")
      let launched = try Launcher.launch(plan, warn: warn) { pid throws(RuntimeError) in
        known.pid = pid
        known.startTime = ProcessStatus(pid: pid)?.startTime ?? 0
        try records.save(known)
        guard let late = plan.lateCgroup else { return }
        // The container's process makes its mounts meanwhile, and waits before it needs them.
        try plan.cgroup.extend(late, resources: resources)
        try limit(plan, resources)
        Trace.mark("v1 cgroups")
      }
      record = known
      if !options.startsAtOnce { try launched.leave() }
      Trace.mark("container process")
      return launched
    } catch {
      try? destroy(known)
      plan.cgroup.removeMade()
      throw error
    }
  }

  private func limit(
    _ plan: LaunchPlan, _ resources: Spec.Linux.Resources?
  ) throws(RuntimeError) {
    for warning in try plan.cgroup.apply(
      resources ?? Spec.Linux.Resources(), scope: .create)
    {
      warn(warning)
    }
  }

  public func start(
    _ record: ContainerRecord, spec: Spec, in directory: borrowing ContainerDirectory
  ) throws(RuntimeError) {
    let state = State(
      ociVersion: record.ociVersion, id: record.id, status: .created, pid: record.pid,
      bundle: record.bundle, annotations: record.annotations)
    try StartSocket.start(in: directory) { listener throws(RuntimeError) in
      guard let seccomp = spec.linux.seccomp else {
        throw RuntimeError("linux.seccomp: an unexpected listener of container \(record.id)")
      }
      try SeccompListener.deliver(listener.rawValue, seccomp, state)
    }
  }

  public func exec(
    _ record: ContainerRecord, spec: Spec, in directory: borrowing ContainerDirectory,
    _ options: ExecOptions
  ) throws(RuntimeError) -> any LaunchedProcess {
    let plan: ExecPlan
    if options.cgroups.isEmpty {
      let placement = CgroupPlacement(paths: record.cgroups)
      plan = try ExecPlan(
        record, spec, options, cgroup: Cgroup(opening: placement.unified, rootless: rootless),
        legacy: placement.legacy, cacheDirectory: cacheDirectory)
    } else {
      plan = try ExecPlan(
        record, spec, options, cgroup: cgroup(record).subgroup(options.cgroups), legacy: nil,
        cacheDirectory: cacheDirectory)
    }
    return try ExecLauncher.launch(plan, warn: warn)
  }

  private func cgroup(_ record: ContainerRecord) throws(RuntimeError) -> Cgroup {
    try control(record).cgroup()
  }

  private func control(_ record: ContainerRecord) -> ContainerControl {
    ContainerControl(
      id: record.id, pid: record.pid, startTime: record.startTime, paths: record.cgroups,
      rootless: rootless)
  }

  public func signalAll(_ record: ContainerRecord, signal: CInt) throws(RuntimeError) {
    try control(record).signalAll(signal)
  }

  public func killAll(_ record: ContainerRecord) throws(RuntimeError) {
    try control(record).killAll()
  }

  public func removeEnded(_ record: ContainerRecord) -> Bool { control(record).removeUnused() }

  public func processes(_ record: ContainerRecord) throws(RuntimeError) -> [Int32] {
    try control(record).processes()
  }

  public func guestProcesses(
    _ record: ContainerRecord
  ) throws(RuntimeError) -> [GuestProcessEntry]? { nil }

  public func monitor(_ record: ContainerRecord) throws(RuntimeError) -> any ContainerMonitor {
    if record.cgroups.isEmpty {
      throw RuntimeError(
        "container \(record.id) has no cgroup: there are no statistics",
        advice: "it was created with --cgroup-manager=disabled")
    }
    return CgroupMonitor(
      try Cgroup(opening: CgroupPlacement(paths: record.cgroups)), id: record.id)
  }

  public func pause(_ record: ContainerRecord) throws(RuntimeError) {
    try control(record).pause()
  }

  public func resume(_ record: ContainerRecord) throws(RuntimeError) {
    try control(record).resume()
  }

  public func isPaused(_ record: ContainerRecord) -> Bool { control(record).isPaused }

  public func update(
    _ record: ContainerRecord, _ resources: Spec.Linux.Resources
  ) throws(RuntimeError) {
    for warning in try cgroup(record).apply(resources, scope: .update) { warn(warning) }
  }

  public func removeRemains(of id: ContainerID, _ spec: Spec?) throws(RuntimeError) {
    try ContainerControl.removeRemains(
      of: id.value, cgroupsPath: spec?.linux.cgroupsPath, rootless: rootless)
  }

  public func destroy(_ record: ContainerRecord) throws(RuntimeError) {
    try control(record).removeCgroup()
  }
}
