internal import OCISpec

/// `linux.resources` as the host's cgroup of the VMM and the guest's cgroup of the container
/// enforce them.
enum ResourceSplit {
  /// For the VMM: the same limits, with room for the guest's kernel and the VMM in the memory.
  static func host(
    _ resources: Spec.Linux.Resources?
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
    let overhead = Int64(MachineSize.guestOverhead + MachineSize.monitorOverhead)
    if var memory = host.memory {
      memory.limit = raised(memory.limit, by: overhead)
      memory.reservation = raised(memory.reservation, by: overhead)
      memory.swap = raised(memory.swap, by: overhead)
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
  private static func raised(_ limit: Int64?, by overhead: Int64) -> Int64? {
    guard let limit, limit > 0 else { return limit }
    let (sum, overflow) = limit.addingReportingOverflow(overhead)
    return overflow ? Int64.max : sum
  }
}
