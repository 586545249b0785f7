internal import CLinux
internal import JSON
public import Linux
public import OCISpec

/// The lifecycle of runtime-spec runtime.md over the state store and the backends.
public struct Lifecycle {
  public let store: StateStore
  let backends: [any Backend]
  /// Receives what a user should know but no verb fails for, such as a poststart hook's fault.
  let warn: (String) -> Void

  public init(
    store: StateStore, backends: [any Backend], warn: @escaping (String) -> Void
  ) {
    self.store = store
    self.backends = backends
    self.warn = warn
  }

  func backend(_ name: String) throws(RuntimeError) -> any Backend {
    for backend in backends where backend.name == name { return backend }
    throw RuntimeError(
      "isolation \(name): this swrun has no \(name) backend",
      advice: name == "vm"
        ? "microVMs are not part of this build; run it with --container"
        : "backends here: \(backends.map(\.name).joined(separator: ", "))")
  }

  /// Makes a container; on an error nothing of it is left.
  ///
  /// The process waits for `start`, or, with `options.startsAtOnce`, for the returned value's.
  public func create(
    _ id: ContainerID, _ bundle: Bundle, isolation: IsolationChoice, _ options: CreateOptions
  ) throws(RuntimeError) -> any LaunchedProcess {
    let backend = try backend(isolation.name)
    var options = options
    options.policyEngine = isolation.engine
    options.policyKernel = isolation.kernel
    let directory = try store.reserve(id)
    var record = ContainerRecord(
      id: id.value, ociVersion: bundle.spec.ociVersion, bundle: bundle.path,
      rootfs: bundle.rootfs, created: Timestamp.now.description,
      owner: getuid(), annotations: bundle.spec.annotations, isolation: isolation.name,
      isolationReason: isolation.reason, cgroupManager: options.cgroupManager)
    record.startsAtOnce = options.startsAtOnce
    record.externalDescriptors = ContainerRecord.standardStreams()
    var launched: (any LaunchedProcess)? = nil
    do {
      try directory.write(ContainerDirectory.configName, bundle.configuration)
      var bundle = bundle
      if let socket = options.notifySocket {
        try socket.add(to: &bundle, in: directory)
        if options.startsAtOnce { try socket.listen(in: directory) }
      }
      Trace.mark("state directory")
      let process = try backend.create(bundle, &record, in: directory, options)
      launched = process
      if let path = options.pidFile { try Self.writePidFile(path, process.pid) }
      return process
    } catch {
      launched?.abort()
      if launched != nil { try? backend.destroy(record) }
      runPoststop(record, bundle.spec)
      try? directory.destroy()
      throw error
    }
  }

  /// Starts a container that `create` made, then runs the poststart hooks.
  ///
  /// With a readiness socket, for a container that was created with one, it returns when the
  /// container is ready.
  public func start(_ id: ContainerID, notifying socket: NotifySocket?) throws(RuntimeError) {
    let (record, spec, listens) = try startProgram(id, socket)
    // The lock is free by now: a hook may use swrun on its container.
    runPoststart(record, spec: spec)
    // A process that has ended already has nothing more to say.
    guard listens, let socket, let process = try? Pidfd(record.pid), record.isAlive else { return }
    socket.relay(pidfd: process.descriptor.rawValue, mainPID: record.pid, warn: warn)
  }

  private func startProgram(
    _ id: ContainerID, _ socket: NotifySocket?
  ) throws(RuntimeError) -> (ContainerRecord, Spec, listens: Bool) {
    let directory = try store.open(id, lock: .exclusive)
    let record = try load(directory)
    let state = try status(of: record, in: directory)
    guard state == .created else {
      throw RuntimeError("container \(id): cannot start a container in the \(state.rawValue) state")
    }
    let spec = try configuration(of: directory)
    let listens = socket != nil && NotifySocket.exists(in: directory)
    if listens { try socket?.listen(in: directory) }
    try backend(record.isolation).start(record, spec: spec, in: directory)
    return (record, spec, listens)
  }

  /// Runs the poststart hooks; a failure is a warning, as runtime.md has it, and stops no
  /// container.
  public func runPoststart(_ record: ContainerRecord, spec: Spec) {
    guard !spec.hooks.poststart.isEmpty else { return }
    let runner = HookRunner(state: ociState(record, .running))
    for fault in runner.runAll(spec.hooks.poststart, kind: "poststart") { warn(fault.description) }
  }

  func runPoststop(_ record: ContainerRecord, _ spec: Spec) {
    guard !spec.hooks.poststop.isEmpty else { return }
    let runner = HookRunner(state: ociState(record, .stopped))
    for fault in runner.runAll(spec.hooks.poststop, kind: "poststop") { warn(fault.description) }
  }

  /// Removes a container: a stopped or created one, and with `force` any.
  ///
  /// With `force`, a container that does not exist is no error, and what a runtime that died
  /// half-way left behind is removed as well.
  public func delete(_ id: ContainerID, force: Bool) throws(RuntimeError) {
    let directory: ContainerDirectory
    do {
      directory = try store.open(id, lock: .exclusive)
    } catch {
      if force && !File.exists(store.root + "/" + id.value) { return }
      throw error
    }
    let found: ContainerRecord?
    do {
      found = try loadIfPresent(directory)
    } catch {
      if !force { throw error }
      return try removeDamaged(directory)
    }
    guard let record = found else {
      // The runtime died before it wrote the record: nothing else was made by then.
      if !force { throw StateStore.doesNotExist(id) }
      return try directory.destroy()
    }
    let state = try status(of: record, in: directory)
    if !force && (state == .running || state == .paused) {
      throw RuntimeError(
        "cannot delete container \(id) that is not stopped: \(state.rawValue)",
        advice: "stop it with: swrun kill \(id) KILL, or use delete --force")
    }
    try remove(record, nil, directory)
  }

  /// Removes a container whose processes have ended; what `run` does at its end.
  ///
  /// `spec` is what it was created with; without one its directory is asked.
  public func remove(_ id: ContainerID, _ spec: Spec? = nil) throws(RuntimeError) {
    let directory = try store.open(id, lock: .exclusive)
    let record = try load(directory)
    try remove(record, spec, directory)
  }

  private func remove(
    _ record: ContainerRecord, _ spec: Spec?, _ directory: borrowing ContainerDirectory
  ) throws(RuntimeError) {
    let backend = try backend(record.isolation)
    if !backend.removeEnded(record) {
      // Without a pid namespace others may live on after the first process.
      try backend.killAll(record)
      try backend.destroy(record)
    }
    if let spec {
      runPoststop(record, spec)
    } else if let spec = try? configuration(of: directory) {
      // A configuration that is gone or damaged must not keep a container from being deleted.
      runPoststop(record, spec)
    }
    try directory.destroy()
  }

  /// The record says nothing any more: what every backend can find by the id and the
  /// configuration is ended and removed.
  private func removeDamaged(
    _ directory: borrowing ContainerDirectory
  ) throws(RuntimeError) {
    let spec = try? configuration(of: directory)
    for backend in backends { try backend.removeRemains(of: directory.id, spec) }
    try directory.destroy()
  }

  static func writePidFile(_ path: String, _ pid: Int32) throws(RuntimeError) {
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let name = String(slash.map { path[path.index(after: $0)...] } ?? path[...])
    let parent = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    try step("--pid-file \(path)") { () throws(SystemError) in
      let directory = try FileDescriptor.open(parent, O_PATH | O_DIRECTORY)
      try File.replace(
        name, with: Array(String(pid).utf8), mode: 0o644, in: DirectoryReference(directory))
    }
  }
}
