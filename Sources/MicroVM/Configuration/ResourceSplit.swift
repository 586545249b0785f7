internal import MachinePlan
internal import OCISpec

/// `linux.resources` as the host's cgroup of the VMM and the guest's cgroup of the container
/// enforce them.
enum ResourceSplit {
  /// For the VMM: the same limits, with room for the guest's kernel and the VMM in the memory.
  ///
  /// `machine` is that of the container's record: a VM larger than the container's limit has all of
  /// its memory on the host.
  static func host(
    _ resources: Spec.Linux.Resources?, machine: [String: String]
  ) -> Spec.Linux.Resources {
    var host = resources ?? Spec.Linux.Resources()
    // The VMM's threads are not the container's processes, which the guest counts.
    host.pids = nil
    host.hugepageLimits = []
    // These name files of a v2 hierarchy: the guest has one, whatever the host has.
    host.unified = [:]
    // Of all devices the VMM needs one: /dev/kvm.
    host.devices = [
      Spec.Linux.Resources.DeviceRule(allow: false, access: "rwm"),
      Spec.Linux.Resources.DeviceRule(
        allow: true, type: .character, major: 10, minor: 232, access: "rw"),
    ]
    if var memory = host.memory {
      memory.limit = raised(memory.limit, machine)
      memory.reservation = raised(memory.reservation, machine)
      memory.swap = raised(memory.swap, machine)
      memory.kernel = nil
      memory.kernelTCP = nil
      host.memory = memory
    }
    return host
  }

  /// For the container in the guest: what counts processes and memory there; what names processors
  /// or disks of the host stays on the host.
  static func guest(_ resources: Spec.Linux.Resources?) -> Spec.Linux.Resources? {
    guard var guest = resources else { return nil }
    guest.blockIO = nil
    guest.network = nil
    guest.rdma = [:]
    guest.cpu?.cpus = nil
    guest.cpu?.mems = nil
    guest.cpu?.realtimeRuntime = nil
    guest.cpu?.realtimePeriod = nil
    guest.memory?.kernel = nil
    guest.memory?.kernelTCP = nil
    guest.memory?.swappiness = nil
    guest.memory?.disableOOMKiller = nil
    return guest
  }

  /// No limit, or -1 for none, stays.
  private static func raised(_ limit: Int64?, _ machine: [String: String]) -> Int64? {
    guard let limit, limit > 0 else { return limit }
    let monitor =
      MachineSize.monitorOverhead
      + (machine["engine"] == MachinePlan.Engine.qemu.rawValue ? MachineSize.emulatorOverhead : 0)
    let guest = max(
      UInt64(limit) + MachineSize.guestOverhead, machine["memory"].flatMap { UInt64($0) } ?? 0)
    let (sum, overflow) = guest.addingReportingOverflow(monitor)
    return overflow ? Int64.max : Int64(clamping: sum)
  }
}
