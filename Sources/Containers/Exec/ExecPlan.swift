internal import CLinux
internal import Cgroups
internal import Isolation
internal import Linux
internal import OCISpec

/// Everything that an exec needs, prepared before the clone.
final class ExecPlan {
  let options: ExecOptions
  let process: Spec.Process
  /// The container's first process: what is joined is what it is in.
  let target: Pidfd
  /// The namespaces that the container does not share with the host, as CLONE_NEW flags.
  let namespaces: CInt
  let attributes: ProcessAttributes
  let cgroup: Cgroup
  /// The v1 cgroups that the process joins beside `cgroup`.
  let legacy: CgroupPlacement?
  let id: ContainerID
  private let record: ContainerRecord

  init(
    _ record: ContainerRecord, _ spec: Spec, _ options: ExecOptions, cgroup: consuming Cgroup,
    legacy: CgroupPlacement?, cacheDirectory: String?
  ) throws(RuntimeError) {
    self.record = record
    id = try ContainerID(record.id)
    self.options = options
    process = options.process
    target = try step("container \(record.id)") { () throws(SystemError) in
      try Pidfd(record.pid)
    }
    // Behind the pidfd: it is the container's process, and stays it.
    guard record.isAlive else {
      throw RuntimeError("cannot exec in a stopped container: \(record.id)")
    }
    if process.terminal && options.detached && options.consoleSocket == nil {
      throw RuntimeError(
        "cannot allocate tty if swrun will detach without setting console socket",
        advice: "give --console-socket, or run in the foreground")
    }
    namespaces = spec.linux.namespaces.reduce(0) { $0 | NamespacePlan.flag($1.type) }
    attributes = try ProcessAttributes(
      process, spec: spec, id: id, preserveFDs: options.preserveFDs,
      hasUserNamespace: namespaces & CLONE_NEWUSER != 0, cacheDirectory: cacheDirectory)
    self.cgroup = cgroup
    self.legacy = legacy
  }

  func state(pid: pid_t) -> State {
    State(
      ociVersion: record.ociVersion, id: record.id, status: .running, pid: pid,
      bundle: record.bundle, annotations: record.annotations)
  }

  /// With a user namespace the pid namespace can be joined from within that alone, so a first
  /// process joins all, and its child is the one that executes.
  var needsStage: Bool { namespaces & CLONE_NEWUSER != 0 }

  /// Whether the process may execute as soon as it is set up, as in a `LaunchPlan`.
  var startsUnasked: Bool {
    options.startsUnasked && attributes.asksNothing && options.pidFile == nil
      && options.pidfdSocket == nil && !needsStage
  }

  var bornInUnified: Bool { cgroup.unifiedDirectory != nil }
}
