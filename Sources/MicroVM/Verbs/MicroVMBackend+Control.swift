internal import CLinux
internal import Cgroups
internal import GuestProtocol
internal import GuestSession
public import Isolation
public import Linux
public import OCISpec

extension MicroVMBackend {
  /// Signals, the end and pause work on the VMM and what else is in its cgroup, so that they need
  /// nothing of the guest.
  func control(_ record: ContainerRecord) -> ContainerControl {
    ContainerControl(
      id: record.id, pid: record.pid, startTime: record.startTime, paths: record.cgroups)
  }

  /// The way to the agent, which answers nothing while the VMM is paused.
  func connection(_ record: ContainerRecord) throws(RuntimeError) -> GuestConnection {
    if isPaused(record) { throw Self.paused(record.id) }
    return try GuestConnection(stateRoot: stateRoot, id: record.id)
  }

  /// Why nothing is told of a paused container's inside.
  public static func paused(_ id: String) -> RuntimeError {
    RuntimeError(
      "container \(id) is paused: its virtual machine answers nothing",
      advice: "let it go on with: swrun resume \(id)")
  }

  public func start(
    _ record: ContainerRecord, spec: Spec, in directory: borrowing ContainerDirectory
  ) throws(RuntimeError) {
    try StartSocket.start(in: directory) { _ throws(RuntimeError) in
      throw RuntimeError("linux.seccomp: an unexpected listener of container \(record.id)")
    }
  }

  public func killAll(_ record: ContainerRecord) throws(RuntimeError) {
    try control(record).killAll()
  }

  /// Every process of the guest's container gets the signal; SIGKILL ends the VMM as well.
  public func signalAll(_ record: ContainerRecord, signal: CInt) throws(RuntimeError) {
    if signal == SIGKILL { return try control(record).signalAll(signal) }
    guard record.isAlive else { return }
    for warning in try connection(record).order(.signalAll(signal: signal)) { warn(warning) }
  }

  public func pause(_ record: ContainerRecord) throws(RuntimeError) {
    try control(record).pause()
  }

  public func resume(_ record: ContainerRecord) throws(RuntimeError) {
    try control(record).resume()
  }

  public func isPaused(_ record: ContainerRecord) -> Bool { control(record).isPaused }

  /// The pids are the guest's: none of its processes has one on the host.
  public func processes(_ record: ContainerRecord) throws(RuntimeError) -> [Int32] {
    try guestProcesses(record)?.map(\.pid) ?? []
  }

  public func guestProcesses(
    _ record: ContainerRecord
  ) throws(RuntimeError) -> [GuestProcessEntry]? {
    guard record.isAlive else { return [] }
    let answer = try connection(record).ask(.processes)
    guard case .processes(let list) = answer else {
      throw GuestRequest.unexpected(answer, to: .processes)
    }
    return list.map {
      GuestProcessEntry(
        pid: $0.pid, parent: $0.ppid, uid: $0.uid, time: $0.cpuSeconds, start: $0.startTime,
        terminal: $0.tty, command: $0.command)
    }
  }

  public func monitor(_ record: ContainerRecord) throws(RuntimeError) -> any ContainerMonitor {
    let control = control(record)
    return MachineMonitor(try GuestConnection(stateRoot: stateRoot, id: record.id)) {
      control.isPaused
    }
  }

  public func destroy(_ record: ContainerRecord) throws(RuntimeError) {
    try control(record).removeCgroup()
  }

  public func removeRemains(of id: ContainerID, _ spec: Spec?) throws(RuntimeError) {
    try ContainerControl.removeRemains(of: id.value, cgroupsPath: spec?.linux.cgroupsPath)
  }
}
