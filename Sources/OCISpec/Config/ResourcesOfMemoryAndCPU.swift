public import JSON

extension Spec.Linux.Resources {
  /// The memory controller.
  public struct Memory: Sendable, Equatable {
    /// The limit of memory, in bytes; -1 is no limit.
    public var limit: Int64?
    /// The limit under memory pressure, in bytes; -1 is no limit.
    public var reservation: Int64?
    /// The limit of memory and swap together, in bytes; -1 is no limit.
    public var swap: Int64?
    /// The limit of kernel memory, in bytes; deprecated by the specification.
    public var kernel: Int64?
    /// The limit of kernel memory for TCP buffers, in bytes.
    public var kernelTCP: Int64?
    /// How readily the kernel swaps, from 0 to 100; `UInt64.max` is the same as absent.
    public var swappiness: UInt64?
    /// True when a task over the limit waits instead of being killed.
    public var disableOOMKiller: Bool?
    /// True when the memory of child cgroups counts.
    public var useHierarchy: Bool?
    /// True when an update below the current use is refused.
    public var checkBeforeUpdate: Bool?

    public init(
      limit: Int64? = nil, reservation: Int64? = nil, swap: Int64? = nil, kernel: Int64? = nil,
      kernelTCP: Int64? = nil, swappiness: UInt64? = nil, disableOOMKiller: Bool? = nil,
      useHierarchy: Bool? = nil, checkBeforeUpdate: Bool? = nil
    ) {
      self.limit = limit
      self.reservation = reservation
      self.swap = swap
      self.kernel = kernel
      self.kernelTCP = kernelTCP
      self.swappiness = swappiness
      self.disableOOMKiller = disableOOMKiller
      self.useHierarchy = useHierarchy
      self.checkBeforeUpdate = checkBeforeUpdate
    }
  }
}

extension Spec.Linux.Resources.Memory: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "limit": try json.read(&limit)
      case "reservation": try json.read(&reservation)
      case "swap": try json.read(&swap)
      case "kernel": try json.read(&kernel)
      case "kernelTCP": try json.read(&kernelTCP)
      case "swappiness": try json.read(&swappiness)
      case "disableOOMKiller": try json.read(&disableOOMKiller)
      case "useHierarchy": try json.read(&useHierarchy)
      case "checkBeforeUpdate": try json.read(&checkBeforeUpdate)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("limit", limit)
    json.member("reservation", reservation)
    json.member("swap", swap)
    json.member("kernel", kernel)
    json.member("kernelTCP", kernelTCP)
    json.member("swappiness", swappiness)
    json.member("disableOOMKiller", disableOOMKiller)
    json.member("useHierarchy", useHierarchy)
    json.member("checkBeforeUpdate", checkBeforeUpdate)
    json.endObject()
  }
}

extension Spec.Linux.Resources {
  /// The cpu and cpuset controllers.
  public struct CPU: Sendable, Equatable {
    /// The weight against other cgroups, from 2 to 262144.
    public var shares: UInt64?
    /// The running time in each period, in microseconds; negative is no limit.
    public var quota: Int64?
    /// The running time that may be accumulated, in microseconds.
    public var burst: UInt64?
    /// The length of the period, in microseconds.
    public var period: UInt64?
    /// The running time of real-time tasks in each period, in microseconds.
    public var realtimeRuntime: Int64?
    /// The length of the period for real-time tasks, in microseconds.
    public var realtimePeriod: UInt64?
    /// The CPUs, a list such as `0-3,7`.
    public var cpus: String?
    /// The memory nodes, a list such as `0-1`.
    public var mems: String?
    /// 1 when the cgroup runs only when no other does (SCHED_IDLE), else 0.
    public var idle: Int64?

    public init(
      shares: UInt64? = nil, quota: Int64? = nil, burst: UInt64? = nil, period: UInt64? = nil,
      realtimeRuntime: Int64? = nil, realtimePeriod: UInt64? = nil, cpus: String? = nil,
      mems: String? = nil, idle: Int64? = nil
    ) {
      self.shares = shares
      self.quota = quota
      self.burst = burst
      self.period = period
      self.realtimeRuntime = realtimeRuntime
      self.realtimePeriod = realtimePeriod
      self.cpus = cpus
      self.mems = mems
      self.idle = idle
    }
  }
}

extension Spec.Linux.Resources.CPU: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "shares": try json.read(&shares)
      case "quota": try json.read(&quota)
      case "burst": try json.read(&burst)
      case "period": try json.read(&period)
      case "realtimeRuntime": try json.read(&realtimeRuntime)
      case "realtimePeriod": try json.read(&realtimePeriod)
      case "cpus": try json.nonEmpty(&cpus)
      case "mems": try json.nonEmpty(&mems)
      case "idle": try json.read(&idle)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("shares", shares)
    json.member("quota", quota)
    json.member("burst", burst)
    json.member("period", period)
    json.member("realtimeRuntime", realtimeRuntime)
    json.member("realtimePeriod", realtimePeriod)
    json.member("cpus", cpus)
    json.member("mems", mems)
    json.member("idle", idle)
    json.endObject()
  }
}
