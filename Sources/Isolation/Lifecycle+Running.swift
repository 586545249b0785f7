internal import CLinux
internal import JSON
public import Linux
public import OCISpec

/// What a verb sees of one container.
public struct ContainerSnapshot: Sendable {
  public let record: ContainerRecord
  public let status: State.Status
}

extension Lifecycle {
  /// The record and the status of a container.
  public func snapshot(_ id: ContainerID) throws(RuntimeError) -> ContainerSnapshot {
    let directory = try store.open(id, lock: .none)
    return try snapshot(directory.place)
  }

  func snapshot(
    _ place: ContainerPlace, withAllCgroups: Bool = true
  ) throws(RuntimeError) -> ContainerSnapshot {
    guard let record = try record(place, withAllCgroups: withAllCgroups) else {
      throw StateStore.doesNotExist(place.id)
    }
    return ContainerSnapshot(record: record, status: try status(of: record, at: place))
  }

  /// The configuration that the container was created with.
  public func configuration(_ id: ContainerID) throws(RuntimeError) -> Spec {
    try configuration(of: store.open(id, lock: .none))
  }

  /// The state as runtime.md defines it.
  public func ociState(_ record: ContainerRecord, _ status: State.Status) -> State {
    State(
      ociVersion: record.ociVersion, id: record.id, status: status,
      pid: status.shownPID(record.pid), bundle: record.bundle,
      annotations: record.annotations)
  }

  /// Sends a signal to the container's first process, or with `all` to every process.
  public func kill(_ id: ContainerID, signal: CInt, all: Bool) throws(RuntimeError) {
    let directory = try store.open(id, lock: .none)
    let record = try load(directory)
    let backend = try backend(record.isolation)
    if all { return try backend.signalAll(record, signal: signal) }
    let notRunning = RuntimeError("container \(id) not running")
    guard record.pid > 0 else { throw notRunning }
    let process: Pidfd
    do {
      process = try Pidfd(record.pid)
    } catch {
      throw error.errno == ESRCH ? notRunning : RuntimeError("kill \(id)", error)
    }
    // Checked behind the pidfd: from here on the pid cannot become another process.
    guard record.isAlive else { throw notRunning }
    do {
      try process.send(signal: signal)
    } catch {
      throw error.errno == ESRCH ? notRunning : RuntimeError("kill \(id)", error)
    }
    // What follows, such as `delete`, shall find it stopped. A frozen process ends when it goes on.
    if signal == SIGKILL, backend.endsSlowly, !backend.isPaused(record) {
      _ = process.awaitEnd(milliseconds: 10_000)
    }
  }

  /// Makes a process in a running container; the returned value starts it.
  ///
  /// `spec` is what the container was created with; without one its directory is asked.
  public func exec(
    _ id: ContainerID, _ options: ExecOptions, _ spec: Spec? = nil
  ) throws(RuntimeError) -> any LaunchedProcess {
    let directory = try store.open(id, lock: .none)
    let record = try load(directory)
    let state = try status(of: record, in: directory)
    switch state {
    case .created, .running: break
    case .paused:
      if !options.ignorePaused {
        throw RuntimeError(
          "container \(id): cannot exec in a paused container",
          advice: "use --ignore-paused to override")
      }
    case .stopped: throw RuntimeError("cannot exec in a stopped container: \(id)")
    case .creating:
      throw RuntimeError("container \(id): cannot exec in a container that is being created")
    }
    let known: Spec
    if let spec { known = spec } else { known = try configuration(of: directory) }
    let process = try backend(record.isolation).exec(
      record, spec: known, in: directory, options)
    if let path = options.pidFile {
      do { try Self.writePidFile(path, process.pid) } catch {
        process.abort()
        throw error
      }
    }
    return process
  }

  public func pause(_ id: ContainerID) throws(RuntimeError) {
    let (record, state) = try exclusively(id)
    guard state == .running || state == .created else {
      throw RuntimeError("container not running or created: \(state.rawValue)")
    }
    try backend(record.isolation).pause(record)
  }

  public func resume(_ id: ContainerID) throws(RuntimeError) {
    let (record, state) = try exclusively(id)
    guard state == .paused else { throw RuntimeError("container not paused") }
    try backend(record.isolation).resume(record)
  }

  /// Changes the limits of a container that is not stopped.
  public func update(
    _ id: ContainerID, _ resources: Spec.Linux.Resources
  ) throws(RuntimeError) {
    let (record, state) = try exclusively(id)
    if state == .stopped { throw RuntimeError("container not running") }
    try backend(record.isolation).update(record, resources)
  }

  /// The pids of the container's processes, as its backend numbers them.
  public func processes(_ id: ContainerID) throws(RuntimeError) -> [Int32] {
    let directory = try store.open(id, lock: .none)
    let record = try load(directory)
    return try backend(record.isolation).processes(record)
  }

  /// The processes of a container that has a kernel of its own; nil for any other.
  public func guestProcesses(_ id: ContainerID) throws(RuntimeError) -> [GuestProcessEntry]? {
    let directory = try store.open(id, lock: .none)
    let record = try load(directory)
    return try backend(record.isolation).guestProcesses(record)
  }

  /// What `events` watches.
  public func monitor(_ record: ContainerRecord) throws(RuntimeError) -> any ContainerMonitor {
    try backend(record.isolation).monitor(record)
  }

  private func exclusively(
    _ id: ContainerID
  ) throws(RuntimeError) -> (ContainerRecord, State.Status) {
    let directory = try store.open(id, lock: .exclusive)
    let record = try load(directory)
    return (record, try status(of: record, in: directory))
  }

  func status(
    of record: ContainerRecord, in directory: borrowing ContainerDirectory
  ) throws(RuntimeError) -> State.Status {
    try status(of: record, at: directory.place)
  }

  private func status(
    of record: ContainerRecord, at place: ContainerPlace
  ) throws(RuntimeError) -> State.Status {
    try Self.status(
      pid: record.pid, startTime: record.startTime, isSettingUp: record.isSettingUp,
      hasFreezer: record.cgroups["freezer"] != nil,
      isPaused: { () throws(RuntimeError) in try backend(record.isolation).isPaused(record) },
      isWaiting: { !record.startsAtOnce && place.has(ContainerDirectory.startSocketName) })
  }

  /// `hasFreezer` is whether it has a directory in the v1 hierarchy of that name.
  static func status(
    pid: Int32, startTime: UInt64, isSettingUp: Bool, hasFreezer: Bool,
    isPaused: () throws(RuntimeError) -> Bool, isWaiting: () -> Bool
  ) throws(RuntimeError) -> State.Status {
    if pid == 0 { return .creating }
    guard let process = ProcessStatus.living(pid: pid, startTime: startTime) else {
      return .stopped
    }
    if isSettingUp { return .creating }
    // What v1 has frozen sleeps uninterruptibly: one that sleeps otherwise needs no second look.
    let isAwake = process.state == "S" && hasFreezer
    if !isAwake, try isPaused() { return .paused }
    return isWaiting() ? .created : .running
  }

  func load(_ directory: borrowing ContainerDirectory) throws(RuntimeError) -> ContainerRecord {
    guard let record = try loadIfPresent(directory) else {
      throw StateStore.doesNotExist(directory.id)
    }
    return record
  }

  func loadIfPresent(
    _ directory: borrowing ContainerDirectory
  ) throws(RuntimeError) -> ContainerRecord? {
    try record(directory.place)
  }

  private func record(
    _ place: ContainerPlace, withAllCgroups: Bool = true
  ) throws(RuntimeError) -> ContainerRecord? {
    guard let bytes = try place.read(ContainerDirectory.recordName) else { return nil }
    do {
      var reader = try JSONReader(bytes.span)
      let record = try ContainerRecord(&reader, withAllCgroups: withAllCgroups)
      try reader.finish()
      return record
    } catch {
      throw RuntimeError(
        "state of container \(place.id): \(ContainerDirectory.recordName): \(error.reason)")
    }
  }

  func configuration(of directory: borrowing ContainerDirectory) throws(RuntimeError) -> Spec {
    guard let bytes = try directory.read(ContainerDirectory.configName) else {
      throw StateStore.doesNotExist(directory.id)
    }
    return try Bundle.parse(bytes)
  }
}

/// Writes a container's record while its directory is open.
public struct RecordWriter {
  let directory: DirectoryReference

  /// Replaces the record as one step.
  public func save(_ record: ContainerRecord) throws(RuntimeError) {
    var writer = JSONWriter()
    record.write(to: &writer)
    try step("state of container \(record.id)") { () throws(SystemError) in
      try File.replace(ContainerDirectory.recordName, with: writer.bytes, in: directory)
    }
  }
}

extension ContainerDirectory {
  /// Valid as long as the directory is.
  public var records: RecordWriter { RecordWriter(directory: reference) }
}
