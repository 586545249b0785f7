public import Linux
public import OCISpec

extension Arguments {
  /// The limits that `update` asks for: those of the file of `--resources`, whose bytes are
  /// `file`, or those of the options; what is nil stays as it is.
  public func updatedResources(file: [UInt8]?) throws(RuntimeError) -> Spec.Linux.Resources {
    if let file {
      do {
        return try Spec.Linux.Resources(parsing: file, file: self[.resources] ?? "resources")
      } catch { throw RuntimeError(error.description) }
    }
    var resources = Spec.Linux.Resources()
    resources.memory = try memory()
    resources.cpu = try cpu()
    if let limit = try integer(.pidsLimit, in: -1...Int64.max) {
      resources.pids = Spec.Linux.Resources.Pids(limit: limit)
    }
    // Zero is runc's way to say "as it is".
    if let weight = try integer(.blockIOWeight, in: 0...UInt16(1000)), weight != 0 {
      if weight < 10 { throw invalid(.blockIOWeight, "\(weight)", "a number from 10 to 1000") }
      resources.blockIO = Spec.Linux.Resources.BlockIO(weight: weight)
    }
    return resources
  }

  /// The schemata of Intel RDT that `update` asks for, or nil.
  public func updatedRDT() -> Spec.Linux.IntelRdt? {
    let cache = self[.l3CacheSchema]
    let bandwidth = self[.memoryBandwidthSchema]
    if cache == nil && bandwidth == nil { return nil }
    return Spec.Linux.IntelRdt(l3CacheSchema: cache, memBwSchema: bandwidth)
  }

  private func size(_ name: OptionName) throws(RuntimeError) -> Int64? {
    try parsed(name, as: "a size such as 256m, or -1 for no limit") { Quantity.bytes($0) }
  }

  private func memory() throws(RuntimeError) -> Spec.Linux.Resources.Memory? {
    let memory = Spec.Linux.Resources.Memory(
      limit: try size(.memory), reservation: try size(.memoryReservation),
      swap: try size(.memorySwap), kernel: try size(.kernelMemory),
      kernelTCP: try size(.kernelMemoryTCP))
    return memory == Spec.Linux.Resources.Memory() ? nil : memory
  }

  private func cpu() throws(RuntimeError) -> Spec.Linux.Resources.CPU? {
    var cpu = Spec.Linux.Resources.CPU(
      shares: try integer(.cpuShare, in: 0...UInt64.max),
      quota: try integer(.cpuQuota, in: -1...Int64.max),
      burst: try integer(.cpuBurst, in: 0...UInt64.max),
      period: try integer(.cpuPeriod, in: 0...UInt64.max),
      realtimeRuntime: try integer(.cpuRealtimeRuntime, in: Int64.min...Int64.max),
      realtimePeriod: try integer(.cpuRealtimePeriod, in: 0...UInt64.max),
      cpus: self[.cpusetCPUs], mems: self[.cpusetMems],
      idle: try integer(.cpuIdle, in: 0...Int64(1))
    )
    // Zero is runc's way to say "as it is".
    if cpu.shares == 0 { cpu.shares = nil }
    if cpu.period == 0 { cpu.period = nil }
    if cpu.realtimePeriod == 0 { cpu.realtimePeriod = nil }
    if let quota = try cpuQuotaOfProcessors() {
      if cpu.quota != nil || cpu.period != nil {
        throw RuntimeError(
          "update: --cpus excludes --cpu-quota and --cpu-period", advice: "leave out one of them")
      }
      cpu.quota = quota
      cpu.period = 100_000
    }
    return cpu == Spec.Linux.Resources.CPU() ? nil : cpu
  }

  /// The quota of `--cpus` in a period of 100,000 microseconds.
  func cpuQuotaOfProcessors() throws(RuntimeError) -> Int64? {
    try parsed(.cpus, as: "a number of processors such as 1.5, at least 0.01") {
      Quantity.cpuQuota($0)
    }
  }
}
