internal import Cgroups
internal import GuestProtocol
public import Isolation
public import Linux
public import OCISpec

extension MicroVMBackend {
  /// The container's cgroup in the guest first, which may refuse; then the VMM's on the host, with
  /// its overhead on top.
  public func update(
    _ record: ContainerRecord, _ resources: Spec.Linux.Resources
  ) throws(RuntimeError) {
    let remarks = try MachineUpdate(record.machine).check(resources)
    for remark in remarks { warn(remark) }
    if let guest = ResourceSplit.guest(resources), guest != Spec.Linux.Resources() {
      let text = String(decoding: guest.encoded(), as: UTF8.self)
      for warning in try connection(record).order(.update(resources: text)) { warn(warning) }
    }
    // Without a cgroup on the host the guest's is the only one there is.
    if record.cgroups.isEmpty { return }
    let host = ResourceSplit.host(resources, machine: record.machine)
    let warnings = try Self.namingTheHost(resources, host) { () throws(RuntimeError) in
      try control(record).cgroup().apply(host, scope: .update)
    }
    for warning in warnings { warn(warning) }
  }

  /// An error may have a number that nobody gave: the limit with the VM's overhead.
  private static func namingTheHost(
    _ resources: Spec.Linux.Resources, _ host: Spec.Linux.Resources,
    _ body: () throws(RuntimeError) -> [String]
  ) throws(RuntimeError) -> [String] {
    do { return try body() } catch {
      guard resources.memory != host.memory else { throw error }
      throw RuntimeError(
        "limits of the VM on the host, where its memory counts what the VM itself needs too:"
          + " \(error.message)", advice: error.advice, exitCode: error.exitCode)
    }
  }
}

/// What a running VM's size allows of new limits: its memory and processors stay as they are.
struct MachineUpdate {
  /// In bytes; 0 when it is not known.
  let memory: UInt64
  let processors: UInt64

  /// `machine` is that of the container's record.
  init(_ machine: [String: String]) {
    memory = machine["memory"].flatMap { UInt64($0) } ?? 0
    processors = machine["processors"].flatMap { UInt64($0) } ?? 0
  }

  /// Fails for a limit that the VM is too small for; what only has no effect is a warning.
  func check(_ resources: Spec.Linux.Resources) throws(RuntimeError) -> [String] {
    if let limit = resources.memory?.limit, limit > 0, memory > 0, UInt64(limit) > memory {
      throw RuntimeError(
        "memory.limit: \(limit) bytes are more than the VM has: \(memory) bytes",
        advice: "a VM's size stays as it was created: create it anew with the larger limit")
    }
    guard let cpu = resources.cpu, let quota = cpu.quota, quota > 0, processors > 0 else {
      return []
    }
    let period = max(1, cpu.period ?? 100_000)
    let wanted = (UInt64(quota) - 1) / period + 1
    if wanted <= processors { return [] }
    return [
      "cpu.quota: \(quota) is the time of \(wanted) processors; the VM has \(processors)"
    ]
  }
}
