internal import CLinux
internal import Linux
internal import OCISpec

extension Spec.Process.Scheduler {
  /// Gives the calling process the policy and its parameters (sched_setattr(2)).
  func apply() throws(RuntimeError) {
    var attributes = cl_sched_attr()
    attributes.policy = policy.number
    attributes.flags = flags.reduce(0) { $0 | $1.number }
    attributes.nice = nice
    attributes.priority = UInt32(bitPattern: priority)
    attributes.runtime = runtime
    attributes.deadline = deadline
    attributes.period = period
    do {
      try system("sched_setattr", policy.rawValue) { cl_sched_setattr(attributes) }
    } catch {
      throw RuntimeError(
        "process.scheduler", error,
        advice: error.errno == EPERM
          ? "real-time policies need CAP_SYS_NICE and, on cgroup v1, a real-time budget of the cgroup"
            + " (linux.resources.cpu.realtimeRuntime); a nice below the runtime's CAP_SYS_NICE"
          : nil)
    }
  }
}

extension Spec.Process.Scheduler.Policy {
  /// The number of <linux/sched.h>.
  var number: UInt32 {
    switch self {
    case .other: UInt32(SCHED_OTHER)
    case .fifo: UInt32(SCHED_FIFO)
    case .roundRobin: UInt32(SCHED_RR)
    case .batch: UInt32(SCHED_BATCH)
    case .iso: UInt32(SCHED_ISO)
    case .idle: UInt32(SCHED_IDLE)
    case .deadline: UInt32(SCHED_DEADLINE)
    }
  }
}

extension Spec.Process.Scheduler.Flag {
  /// The bit of <linux/sched.h>.
  var number: UInt64 {
    switch self {
    case .resetOnFork: 0x01
    case .reclaim: 0x02
    case .deadlineOverrun: 0x04
    case .keepPolicy: 0x08
    case .keepParams: 0x10
    case .utilClampMin: 0x20
    case .utilClampMax: 0x40
    }
  }
}

extension Spec.Process.IOPriority {
  /// Gives the calling process the I/O class and priority (ioprio_set(2)).
  func apply() throws(RuntimeError) {
    let number =
      switch self.class {
      case .realtime: CL_IOPRIO_CLASS_RT
      case .bestEffort: CL_IOPRIO_CLASS_BE
      case .idle: CL_IOPRIO_CLASS_IDLE
      }
    do {
      try system("ioprio_set", "\(self.class.rawValue) \(priority)") {
        cl_ioprio_set(CInt(number), CInt(priority))
      }
    } catch {
      throw RuntimeError(
        "process.ioPriority", error,
        advice: error.errno == EPERM ? "the realtime class needs CAP_SYS_ADMIN" : nil)
    }
  }
}

extension Spec.Linux.Personality {
  /// Gives the calling process the execution domain (personality(2)).
  func apply() throws(RuntimeError) {
    if let flag = flags.first {
      throw RuntimeError(
        "linux.personality.flags: \(flag) is unknown",
        advice: "the specification defines no flag: leave them out")
    }
    let number = domain == .linux32 ? CL_PER_LINUX32 : CL_PER_LINUX
    try step("linux.personality") { () throws(SystemError) in
      try system("personality", domain.rawValue) { cl_personality(UInt(number)) }
    }
  }
}
