internal import CLinux
internal import Cgroups
public import Isolation
public import Linux
public import OCISpec
internal import Seccomp

/// Isolation by namespaces, cgroups, seccomp and capabilities on the host's kernel.
public struct ContainerBackend: Backend {
  public let name = "container"
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
    let placement = try placement(bundle.spec, record, options)
    record.cgroups = placement?.paths ?? [:]
    let records = directory.records
    try records.save(record)
    let plan = try LaunchPlan(
      bundle, record, in: directory, options, cacheDirectory: cacheDirectory)
    Trace.mark("plan")
    var known = record
    do {
      if let placement {
        plan.cgroup = try Cgroup.create(
          placement, resources: bundle.spec.linux.resources, rootless: rootless)
      }
      plan.rootfs.cgroups = plan.cgroup.paths
      try limit(plan, bundle.spec.linux.resources)
      Trace.mark("cgroup")
      let launched = try Launcher.launch(plan, warn: warn) { pid throws(RuntimeError) in
        known.pid = pid
        known.startTime = ProcessStatus(pid: pid)?.startTime ?? 0
        try records.save(known)
      }
      record = known
      if !options.startsAtOnce { try launched.leave() }
      Trace.mark("container process")
      return launched
    } catch {
      try? destroy(known)
      throw error
    }
  }

  /// Nil with `--cgroup-manager=disabled`.
  private func placement(
    _ spec: Spec, _ record: ContainerRecord, _ options: CreateOptions
  ) throws(RuntimeError) -> CgroupPlacement? {
    guard let manager = CgroupManager(rawValue: options.cgroupManager) else {
      throw RuntimeError(
        "--cgroup-manager=\(options.cgroupManager): unknown",
        advice: "cgroupfs, systemd or disabled")
    }
    try manager.requireAvailable()
    if manager == .disabled { return nil }
    return try CgroupLayout.detect().placement(
      cgroupsPath: spec.linux.cgroupsPath, id: record.id)
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
    var cgroup = try cgroup(record)
    if !options.cgroups.isEmpty { cgroup = try cgroup.subgroup(options.cgroups) }
    let plan = try ExecPlan(
      record, spec, options, cgroup: cgroup, cacheDirectory: cacheDirectory)
    return try ExecLauncher.launch(plan, warn: warn)
  }

  private func cgroup(_ record: ContainerRecord) throws(RuntimeError) -> Cgroup {
    try Cgroup(
      opening: CgroupPlacement(paths: record.cgroups), rootless: rootless)
  }

  public func signalAll(_ record: ContainerRecord, signal: CInt) throws(RuntimeError) {
    let cgroup = try cgroup(record)
    if cgroup.isEmpty {
      try signalFirst(record, signal)
    } else {
      try cgroup.signalAll(signal)
    }
  }

  private func signalFirst(_ record: ContainerRecord, _ signal: CInt) throws(RuntimeError) {
    guard record.pid > 0, let process = try? Pidfd(record.pid), record.isAlive else { return }
    try step("kill \(record.id)") { () throws(SystemError) in
      do throws(SystemError) { try process.send(signal: signal) } catch {
        if error.errno != ESRCH { throw error }
      }
    }
  }

  public func killAll(_ record: ContainerRecord) throws(RuntimeError) {
    let cgroup = try cgroup(record)
    try signalFirst(record, SIGKILL)
    if !cgroup.isEmpty { try cgroup.kill() }
    guard record.pid > 0, let process = try? Pidfd(record.pid),
      ProcessStatus(pid: record.pid)?.startTime == record.startTime
    else { return }
    // Readable when the process has ended, be it a zombie of another parent.
    var polled = pollfd(fd: process.descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    _ = unsafe cl_poll(&polled, 1, 100)
    // Somebody may have moved it into a frozen v1 cgroup, where it cannot die. Out of there it can,
    // and what else is frozen there stays so.
    if polled.revents == 0 && !cgroup.isEmpty { try? cgroup.add(pid: record.pid) }
    let deadline = cl_monotonic_ns() + 10_000_000_000
    while polled.revents == 0 {
      let left = (deadline - cl_monotonic_ns()) / 1_000_000
      if left <= 0 {
        throw RuntimeError(
          "container \(record.id): process \(record.pid) does not end after SIGKILL",
          advice: "it may wait for a device or a network file system")
      }
      _ = unsafe cl_poll(&polled, 1, CInt(clamping: left))
    }
  }

  public func processes(_ record: ContainerRecord) throws(RuntimeError) -> [Int32] {
    let cgroup = try cgroup(record)
    if cgroup.isEmpty {
      throw RuntimeError(
        "container \(record.id) has no cgroup: its processes are not known",
        advice: "it was created with --cgroup-manager=disabled")
    }
    return try cgroup.processes()
  }

  public func pause(_ record: ContainerRecord) throws(RuntimeError) {
    try controlled(record).freeze()
  }

  public func resume(_ record: ContainerRecord) throws(RuntimeError) {
    try controlled(record).thaw()
  }

  private func controlled(_ record: ContainerRecord) throws(RuntimeError) -> Cgroup {
    let cgroup = try cgroup(record)
    if cgroup.isEmpty {
      throw RuntimeError("container \(record.id) has no cgroup: it cannot be paused")
    }
    return cgroup
  }

  public func isPaused(_ record: ContainerRecord) -> Bool {
    guard !record.cgroups.isEmpty, let cgroup = try? cgroup(record) else { return false }
    return (try? cgroup.isFrozen()) ?? false
  }

  public func update(
    _ record: ContainerRecord, _ resources: Spec.Linux.Resources
  ) throws(RuntimeError) {
    for warning in try cgroup(record).apply(resources, scope: .update) { warn(warning) }
  }

  public func removeRemains(of id: ContainerID, _ spec: Spec?) throws(RuntimeError) {
    let placement = try CgroupLayout.detect().placement(
      cgroupsPath: spec?.linux.cgroupsPath, id: id.value)
    let cgroup = try Cgroup(opening: placement, rootless: rootless)
    if !cgroup.isEmpty { try cgroup.kill() }
    try Cgroup.remove(placement)
  }

  public func destroy(_ record: ContainerRecord) throws(RuntimeError) {
    if record.cgroups.isEmpty { return }
    try Cgroup.remove(CgroupPlacement(paths: record.cgroups))
  }
}
