internal import Cgroups
internal import Containers
internal import GuestProtocol
internal import Isolation
internal import Linux
internal import OCISpec

/// The guest's one container, made and changed by the same backend as a container of the host.
///
/// Its record is in the state store of the guest, where every session's process finds it.
struct GuestContainer {
  private let settings: AgentSettings
  private let lifecycle: Lifecycle

  init(_ settings: AgentSettings, warn: @escaping (String) -> Void) {
    self.settings = settings
    let store = StateStore(root: settings.stateRoot, environment: { _ in nil })
    // Filters are compiled once for the container and all that is executed in it.
    let backend = ContainerBackend(
      cacheDirectory: store.root + "/.seccomp", rootless: false, warn: warn)
    lifecycle = Lifecycle(store: store, backends: [backend], warn: warn)
  }

  /// A process that is going to be made, once its standard streams are this process's.
  struct PlannedProcess {
    let hasTerminal: Bool
    let make: () throws(RuntimeError) -> any LaunchedProcess
  }

  // MARK: - Processes

  func creation(_ request: CreateRequest) throws(RuntimeError) -> PlannedProcess {
    let id = try ContainerID(request.id)
    if let other = try lifecycle.store.list().first {
      throw RuntimeError("guest: it has its container already: \(other)")
    }
    var bundle = try Bundle(path: request.bundle, configuration: Array(request.spec.utf8))
    bundle.spec.annotations = request.annotations
    bundle.spec.linux.cgroupsPath = "\(settings.cgroupPrefix)\(id)"
    // These are the host's, which has run them.
    bundle.spec.hooks.prestart = []
    bundle.spec.hooks.createRuntime = []
    bundle.spec.hooks.poststart = []
    bundle.spec.hooks.poststop = []
    Self.setOOMScore(&bundle.spec.process)
    var options = CreateOptions()
    options.noPivot = request.noPivot
    options.noNewKeyring = request.noNewKeyring
    // The session starts it, whenever the host says so.
    options.startsAtOnce = true
    options.detached = false
    let (lifecycle, made, asked) = (lifecycle, bundle, options)
    return PlannedProcess(hasTerminal: bundle.spec.process?.terminal ?? false) {
      () throws(RuntimeError) in
      try lifecycle.create(id, made, isolation: .insideGuest, asked)
    }
  }

  func execution(_ request: ExecRequest) throws(RuntimeError) -> PlannedProcess {
    let id = try id()
    var process: Spec.Process?
    do throws(SpecError) {
      process = try Spec.Process(parsing: Array(request.process.utf8), file: "process")
    } catch { throw RuntimeError(error.description) }
    Self.setOOMScore(&process)
    guard let process else { throw RuntimeError("exec: process: is missing") }
    var options = ExecOptions(process: process)
    options.cgroups = request.cgroups
    options.ignorePaused = request.ignorePaused
    options.noNewKeyring = request.noNewKeyring
    let (lifecycle, asked) = (lifecycle, options)
    return PlannedProcess(hasTerminal: process.terminal) { () throws(RuntimeError) in
      try lifecycle.exec(id, asked)
    }
  }

  /// A process is no harder to kill than others, as the agent is, unless it was asked for.
  private static func setOOMScore(_ process: inout Spec.Process?) {
    if process?.oomScoreAdj == nil { process?.oomScoreAdj = 0 }
  }

  /// Ends what is left of the container and forgets it.
  func remove() {
    if let id = try? id() { try? lifecycle.remove(id) }
  }

  // MARK: - The container as a whole

  private func id() throws(RuntimeError) -> ContainerID {
    guard let id = try lifecycle.store.list().first else {
      throw RuntimeError("guest: the container has not been created")
    }
    return id
  }

  func signalAll(_ signal: Int32) throws(RuntimeError) {
    try lifecycle.kill(try id(), signal: signal, all: true)
  }

  /// The pids of its processes.
  func processes() throws(RuntimeError) -> [Int32] { try lifecycle.processes(try id()) }

  /// `resources` is the JSON text of OCI's.
  func update(_ resources: String) throws(RuntimeError) {
    let id = try id()
    let parsed: Spec.Linux.Resources
    do throws(SpecError) {
      parsed = try Spec.Linux.Resources(parsing: Array(resources.utf8), file: "resources")
    } catch { throw RuntimeError(error.description) }
    try lifecycle.update(id, parsed)
  }

  /// The record, of a container that runs.
  func running() throws(RuntimeError) -> ContainerRecord {
    let id = try id()
    let snapshot = try lifecycle.snapshot(id)
    if snapshot.status == .stopped { throw RuntimeError("container \(id) is not running") }
    return snapshot.record
  }
}
