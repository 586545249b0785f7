internal import CLinux
internal import Cgroups
internal import Isolation
internal import Linux
internal import OCISpec

/// Everything that a launch needs, prepared by the runtime before it clones: the process behind
/// the clone then has little more to do than system calls.
final class LaunchPlan {
  let id: ContainerID
  let spec: Spec
  let process: Spec.Process
  let options: CreateOptions
  let namespaces: NamespacePlan
  let mappings: IDMappings
  let rootfs: RootfsBuilder
  let attributes: ProcessAttributes
  /// Set before the clone: the cgroup exists by then, but for `lateCgroup`.
  var cgroup = Cgroup()
  /// The part of the cgroup that the runtime makes while the process makes its mounts, and that the
  /// process joins when it is told that this is done; nil where all was made before the clone.
  var lateCgroup: CgroupPlacement?
  /// Nil when the caller of the launch starts the process itself.
  let startSocket: SharedDescriptor?
  private let record: ContainerRecord
  /// The state directory, whose lock the clone must not hold on to.
  private let lock: CInt

  init(
    _ bundle: Bundle, _ record: ContainerRecord, in directory: borrowing ContainerDirectory,
    _ options: CreateOptions, cacheDirectory: String?
  ) throws(RuntimeError) {
    guard let process = bundle.spec.process else {
      throw RuntimeError("config.json: process: is missing", advice: "name what to run")
    }
    id = directory.id
    lock = directory.descriptor.rawValue
    spec = bundle.spec
    self.process = process
    self.options = options
    self.record = record
    namespaces = try NamespacePlan(spec.linux)
    try LaunchRules.check(spec, namespaces, options)
    mappings = IDMappings(uids: spec.linux.uidMappings, gids: spec.linux.gidMappings)
    rootfs = RootfsBuilder(
      try RootfsPlan(
        spec, rootfs: bundle.rootfs, bundle: bundle.path,
        RootfsPlan.Surroundings(
          hasUserNamespace: namespaces.has(.user), hasMountNamespace: namespaces.has(.mount),
          hasCgroupNamespace: namespaces.has(.cgroup), noPivot: options.noPivot)))
    attributes = try ProcessAttributes(
      process, spec: spec, id: directory.id, preserveFDs: options.preserveFDs,
      hasUserNamespace: namespaces.has(.user), cacheDirectory: cacheDirectory)
    startSocket = options.startsAtOnce ? nil : try StartSocket.listen(in: directory)
  }

  /// Whether the process can join v1 cgroups behind its mounts: as long as it is root of the host,
  /// and nothing before them depends on where it is.
  var joinsLate: Bool {
    !namespaces.needsStage && !namespaces.has(.user) && !namespaces.has(.cgroup)
  }

  /// Whether the process may execute as soon as it is set up: nobody has anything to do first, nor is it told of
  /// anything else on the way that it could take for that word.
  var startsUnasked: Bool {
    options.startsUnasked && options.startsAtOnce && attributes.asksNothing
      && options.pidFile == nil && options.pidfdSocket == nil && options.notifySocket == nil
      && !namespaces.needsStage && !namespaces.has(.user)
      && spec.hooks.prestart.isEmpty && spec.hooks.createRuntime.isEmpty
  }

  /// Whether the process is cloned into its v2 cgroup.
  var bornInUnified: Bool { cgroup.unifiedDirectory != nil }

  /// In the clone: what was inherited and is the runtime's alone.
  func leaveRuntime() { _ = cl_close(lock) }

  func state(_ status: State.Status, pid: pid_t) -> State {
    State(
      ociVersion: record.ociVersion, id: record.id, status: status, pid: pid,
      bundle: record.bundle, annotations: record.annotations)
  }

  func hookRunner(_ status: State.Status, pid: pid_t) -> HookRunner {
    HookRunner(state: state(status, pid: pid))
  }
}
