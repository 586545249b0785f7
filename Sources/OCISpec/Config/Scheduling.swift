public import JSON

extension Spec.Process {
  /// The scheduling policy of a process and its parameters (sched_setattr(2)).
  public struct Scheduler: Sendable, Equatable {
    /// The scheduling policy.
    public var policy: Policy
    /// The nice value, from -20 to 19.
    public var nice: Int32
    /// The static priority, for the real-time policies.
    public var priority: Int32
    /// The scheduling flags.
    public var flags: [Flag]
    /// The running time in each period, in nanoseconds, for `deadline`.
    public var runtime: UInt64
    /// The time by which the running time is given, in nanoseconds, for `deadline`.
    public var deadline: UInt64
    /// The length of the period, in nanoseconds, for `deadline`.
    public var period: UInt64

    public init(
      policy: Policy, nice: Int32 = 0, priority: Int32 = 0, flags: [Flag] = [],
      runtime: UInt64 = 0, deadline: UInt64 = 0, period: UInt64 = 0
    ) {
      self.policy = policy
      self.nice = nice
      self.priority = priority
      self.flags = flags
      self.runtime = runtime
      self.deadline = deadline
      self.period = period
    }
  }
}

extension Spec.Process.Scheduler: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var policy: Policy?
    var nice: Int32 = 0
    var priority: Int32 = 0
    var flags: [Flag] = []
    var runtime: UInt64 = 0
    var deadline: UInt64 = 0
    var period: UInt64 = 0
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "policy": try json.read(&policy)
      case "nice": try json.read(&nice)
      case "priority": try json.read(&priority)
      case "flags": try json.read(&flags)
      case "runtime": try json.read(&runtime)
      case "deadline": try json.read(&deadline)
      case "period": try json.read(&period)
      default: try json.skip()
      }
    }
    self.init(
      policy: try json.require(policy, "policy", in: object),
      nice: nice,
      priority: priority,
      flags: flags,
      runtime: runtime,
      deadline: deadline,
      period: period)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("policy", policy)
    json.member("nice", nice, omitting: 0)
    json.member("priority", priority, omitting: 0)
    json.member("flags", flags, omitting: [])
    json.member("runtime", runtime, omitting: 0)
    json.member("deadline", deadline, omitting: 0)
    json.member("period", period, omitting: 0)
    json.endObject()
  }
}

extension Spec.Process.Scheduler {
  /// A scheduling policy of sched(7).
  public enum Policy: String, Sendable, CaseIterable {
    case other = "SCHED_OTHER"
    case fifo = "SCHED_FIFO"
    case roundRobin = "SCHED_RR"
    case batch = "SCHED_BATCH"
    case iso = "SCHED_ISO"
    case idle = "SCHED_IDLE"
    case deadline = "SCHED_DEADLINE"
  }
}

extension Spec.Process.Scheduler.Policy: JSONEnumeration {}

extension Spec.Process.Scheduler {
  /// A scheduling flag of sched_setattr(2).
  public enum Flag: String, Sendable, CaseIterable {
    case resetOnFork = "SCHED_FLAG_RESET_ON_FORK"
    case reclaim = "SCHED_FLAG_RECLAIM"
    case deadlineOverrun = "SCHED_FLAG_DL_OVERRUN"
    case keepPolicy = "SCHED_FLAG_KEEP_POLICY"
    case keepParams = "SCHED_FLAG_KEEP_PARAMS"
    case utilClampMin = "SCHED_FLAG_UTIL_CLAMP_MIN"
    case utilClampMax = "SCHED_FLAG_UTIL_CLAMP_MAX"
  }
}

extension Spec.Process.Scheduler.Flag: JSONEnumeration {}

extension Spec.Process {
  /// The I/O priority of a process (ioprio_set(2)).
  public struct IOPriority: Sendable, Equatable {
    /// The I/O scheduling class.
    public var `class`: Class
    /// The priority within the class, from 0 (highest) to 7.
    public var priority: Int

    public init(`class`: Class, priority: Int = 0) {
      self.class = `class`
      self.priority = priority
    }
  }
}

extension Spec.Process.IOPriority: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var `class`: Class?
    var priority: Int = 0
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "class": try json.read(&`class`)
      case "priority": try json.read(&priority)
      default: try json.skip()
      }
    }
    self.init(
      class: try json.require(`class`, "class", in: object),
      priority: priority)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("class", `class`)
    json.member("priority", priority)
    json.endObject()
  }
}

extension Spec.Process.IOPriority {
  /// An I/O scheduling class of ioprio_set(2).
  public enum Class: String, Sendable, CaseIterable {
    case realtime = "IOPRIO_CLASS_RT"
    case bestEffort = "IOPRIO_CLASS_BE"
    case idle = "IOPRIO_CLASS_IDLE"
  }
}

extension Spec.Process.IOPriority.Class: JSONEnumeration {}

extension Spec.Process {
  /// The CPUs on which an exec'd process runs, each a list such as `0-3,7`.
  public struct ExecCPUAffinity: Sendable, Equatable {
    /// The CPUs until the process is in its cgroup.
    public var initial: String?
    /// The CPUs from then on.
    public var final: String?

    public init(initial: String? = nil, final: String? = nil) {
      self.initial = initial
      self.final = final
    }
  }
}

extension Spec.Process.ExecCPUAffinity: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "initial": try json.nonEmpty(&initial)
      case "final": try json.nonEmpty(&final)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("initial", initial)
    json.member("final", final)
    json.endObject()
  }
}
