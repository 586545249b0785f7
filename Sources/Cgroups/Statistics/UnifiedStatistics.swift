/// Reads the statistics of a v2 cgroup, converted to what runc shows for it.
struct UnifiedStatistics {
  let read: (_ file: String) -> String?

  func cpu() -> Statistics.CPU {
    let stat = ControlText.table(read("cpu.stat"))
    func nanoseconds(_ key: String) -> UInt64 { (stat[key] ?? 0) &* 1000 }
    var result = Statistics.CPU()
    result.total = nanoseconds("usage_usec")
    result.user = nanoseconds("user_usec")
    result.kernel = nanoseconds("system_usec")
    result.periods = stat["nr_periods"] ?? 0
    result.throttledPeriods = stat["nr_throttled"] ?? 0
    result.throttledTime = nanoseconds("throttled_usec")
    result.pressure = ControlText.pressure(read("cpu.pressure"))
    return result
  }

  func memory() -> Statistics.Memory {
    var result = Statistics.Memory()
    result.raw = ControlText.table(read("memory.stat"))
    result.cache = result.raw["file"] ?? 0
    result.usage = entry("memory.")
    // v1 and runc show memory and swap together.
    let swap = entry("memory.swap.")
    result.swap.usage = swap.usage &+ result.usage.usage
    let sum = swap.limit.addingReportingOverflow(result.usage.limit)
    result.swap.limit = swap.limit == .max || sum.overflow ? .max : sum.partialValue
    result.pressure = ControlText.pressure(read("memory.pressure"))
    return result
  }

  private func entry(_ prefix: String) -> Statistics.Memory.Entry {
    var result = Statistics.Memory.Entry()
    result.usage = ControlText.number(read(prefix + "current")) ?? 0
    result.max = ControlText.number(read(prefix + "peak")) ?? 0
    if let limit = read(prefix + "max") { result.limit = ControlText.number(limit) ?? .max }
    return result
  }

  func pids() -> Statistics.Pids {
    var result = Statistics.Pids()
    result.current = ControlText.number(read("pids.current")) ?? 0
    result.limit = ControlText.number(read("pids.max")) ?? 0
    return result
  }

  /// `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`.
  func blockIO() -> Statistics.BlockIO {
    var result = Statistics.BlockIO()
    for fields in ControlText.lines(read("io.stat")) {
      guard let first = fields.first, let device = ControlText.device(first) else { continue }
      for field in fields.dropFirst() {
        let pair = field.split(separator: "=")
        guard pair.count == 2, let value = UInt64(pair[1]) else { continue }
        func entry(_ operation: String) -> Statistics.BlockIO.Entry {
          Statistics.BlockIO.Entry(
            major: device.major, minor: device.minor, operation: operation, value: value)
        }
        switch pair[0] {
        case "rbytes": result.serviceBytes.append(entry("Read"))
        case "wbytes": result.serviceBytes.append(entry("Write"))
        case "dbytes": result.serviceBytes.append(entry("Discard"))
        case "rios": result.serviced.append(entry("Read"))
        case "wios": result.serviced.append(entry("Write"))
        case "dios": result.serviced.append(entry("Discard"))
        // The policies on a device (cost.*, use_delay) add keys of their own.
        default: break
        }
      }
    }
    result.pressure = ControlText.pressure(read("io.pressure"))
    return result
  }

  func hugetlb(sizes: [String]) -> [String: Statistics.HugeTLB] {
    var result: [String: Statistics.HugeTLB] = [:]
    for size in sizes {
      let prefix = "hugetlb.\(size)."
      guard let usage = ControlText.number(read(prefix + "current")) else { continue }
      let events = ControlText.table(read(prefix + "events"))
      result[size] = Statistics.HugeTLB(usage: usage, max: 0, failcnt: events["max"] ?? 0)
    }
    return result
  }
}
