internal import Linux

/// Reads the statistics of v1 hierarchies.
struct LegacyStatistics {
  let read: (_ controller: String, _ file: String) -> String?

  func cpu() -> Statistics.CPU {
    var result = Statistics.CPU()
    let stat = ControlText.table(read("cpu", "cpu.stat"))
    result.periods = stat["nr_periods"] ?? 0
    result.throttledPeriods = stat["nr_throttled"] ?? 0
    result.throttledTime = stat["throttled_time"] ?? 0
    result.total = number("cpuacct", "cpuacct.usage")
    let times = ControlText.table(read("cpuacct", "cpuacct.stat"))
    // In ticks of USER_HZ, which is 100 on every architecture that Linux has now.
    result.user = (times["user"] ?? 0) &* 10_000_000
    result.kernel = (times["system"] ?? 0) &* 10_000_000
    result.perCPU = (read("cpuacct", "cpuacct.usage_percpu") ?? "").split(separator: " ")
      .compactMap { UInt64($0) }
    // A heading, then: CPU, user, system.
    for fields in ControlText.lines(read("cpuacct", "cpuacct.usage_all")) {
      guard fields.count >= 3, let user = UInt64(fields[1]), let system = UInt64(fields[2]) else {
        continue
      }
      result.perCPUUser.append(user)
      result.perCPUKernel.append(system)
    }
    return result
  }

  func cpuset() -> Statistics.Cpuset {
    func value(_ name: String) -> UInt64 { number("cpuset", "cpuset." + name) }
    var result = Statistics.Cpuset()
    result.cpus = ControlText.list(read("cpuset", "cpuset.cpus"))
    result.mems = ControlText.list(read("cpuset", "cpuset.mems"))
    result.cpuExclusive = value("cpu_exclusive")
    result.memHardwall = value("mem_hardwall")
    result.memExclusive = value("mem_exclusive")
    result.memoryMigrate = value("memory_migrate")
    result.memorySpreadPage = value("memory_spread_page")
    result.memorySpreadSlab = value("memory_spread_slab")
    result.memoryPressure = value("memory_pressure")
    result.schedLoadBalance = value("sched_load_balance")
    result.schedRelaxDomainLevel =
      read("cpuset", "cpuset.sched_relax_domain_level").flatMap { Int64($0) } ?? 0
    return result
  }

  func memory() -> Statistics.Memory {
    var result = Statistics.Memory()
    result.raw = ControlText.table(read("memory", "memory.stat"))
    result.cache = result.raw["cache"] ?? 0
    result.usage = entry("memory.")
    result.swap = entry("memory.memsw.")
    result.kernel = entry("memory.kmem.")
    result.kernelTCP = entry("memory.kmem.tcp.")
    return result
  }

  private func entry(_ prefix: String) -> Statistics.Memory.Entry {
    var result = Statistics.Memory.Entry()
    result.limit = number("memory", prefix + "limit_in_bytes")
    result.usage = number("memory", prefix + "usage_in_bytes")
    result.max = number("memory", prefix + "max_usage_in_bytes")
    result.failcnt = number("memory", prefix + "failcnt")
    return result
  }

  func pids() -> Statistics.Pids {
    var result = Statistics.Pids()
    result.current = number("pids", "pids.current")
    result.limit = number("pids", "pids.max")
    return result
  }

  /// From the I/O scheduler that counts, BFQ or (before 5.0) CFQ; else from the throttling layer.
  func blockIO() -> Statistics.BlockIO {
    var result = Statistics.BlockIO()
    for prefix in ["blkio.bfq.", "blkio."] {
      result.serviced = entries(prefix + "io_serviced_recursive")
      if result.serviced.isEmpty { continue }
      result.serviceBytes = entries(prefix + "io_service_bytes_recursive")
      result.queued = entries(prefix + "io_queued_recursive")
      result.serviceTime = entries(prefix + "io_service_time_recursive")
      result.waitTime = entries(prefix + "io_wait_time_recursive")
      result.merged = entries(prefix + "io_merged_recursive")
      result.time = entries(prefix + "time_recursive")
      result.sectors = entries(prefix + "sectors_recursive")
      return result
    }
    result.serviced = entries("blkio.throttle.io_serviced_recursive")
    result.serviceBytes = entries("blkio.throttle.io_service_bytes_recursive")
    return result
  }

  func hugetlb(sizes: [String]) -> [String: Statistics.HugeTLB] {
    var result: [String: Statistics.HugeTLB] = [:]
    for size in sizes {
      let prefix = "hugetlb.\(size)."
      guard let usage = ControlText.number(read("hugetlb", prefix + "usage_in_bytes")) else {
        continue
      }
      result[size] = Statistics.HugeTLB(
        usage: usage, max: number("hugetlb", prefix + "max_usage_in_bytes"),
        failcnt: number("hugetlb", prefix + "failcnt"))
    }
    return result
  }

  private func number(_ controller: String, _ file: String) -> UInt64 {
    ControlText.number(read(controller, file)) ?? 0
  }

  private func entries(_ file: String) -> [Statistics.BlockIO.Entry] {
    ControlText.blockEntries(read("blkio", file))
  }
}
