internal import CLinux
internal import Linux
internal import OCISpec

/// The resource limits of a process, ready for setrlimit(2).
struct ResourceLimits {
  private let limits: [Spec.Process.Rlimit]

  /// Raises the runtime's own hard limits where a container's are higher.
  ///
  /// A child inherits them, and so can set its limits behind the change of user, or inside a user
  /// namespace, where CAP_SYS_RESOURCE does not count.
  init(raisingOwnFor limits: [Spec.Process.Rlimit]) throws(RuntimeError) {
    self.limits = limits
    for limit in limits {
      var own = rlimit()
      let resource = Self.number(limit.type)
      try Self.explaining(limit) { () throws(SystemError) in
        try system("getrlimit") { unsafe cl_getrlimit(resource, &own) }
        if limit.hard <= own.rlim_max { return }
        own.rlim_max = rlim_t(limit.hard)
        try system("setrlimit") { unsafe cl_setrlimit(resource, &own) }
      }
    }
  }

  /// Sets the limits of the calling process; from here on it may have little memory left.
  func apply() throws(RuntimeError) {
    for limit in limits {
      var wanted = rlimit(rlim_cur: rlim_t(limit.soft), rlim_max: rlim_t(limit.hard))
      try Self.explaining(limit) { () throws(SystemError) in
        try system("setrlimit") { unsafe cl_setrlimit(Self.number(limit.type), &wanted) }
      }
    }
  }

  private static func explaining(
    _ limit: Spec.Process.Rlimit, _ body: () throws(SystemError) -> Void
  ) throws(RuntimeError) {
    do { try body() } catch {
      throw RuntimeError(
        "process.rlimits: \(limit.type.rawValue) soft \(limit.soft) hard \(limit.hard)", error,
        advice: error.errno == EPERM
          ? limit.type == .openFiles
            ? "the runtime's hard limit or /proc/sys/fs/nr_open is lower, and CAP_SYS_RESOURCE missing"
            : "the runtime's own hard limit is lower and it lacks CAP_SYS_RESOURCE" : nil)
    }
  }

  static func number(_ kind: Spec.Process.Rlimit.Kind) -> CInt {
    let number =
      switch kind {
      case .addressSpace: CL_RLIMIT_AS
      case .core: CL_RLIMIT_CORE
      case .cpu: CL_RLIMIT_CPU
      case .data: CL_RLIMIT_DATA
      case .fileSize: CL_RLIMIT_FSIZE
      case .locks: CL_RLIMIT_LOCKS
      case .lockedMemory: CL_RLIMIT_MEMLOCK
      case .messageQueues: CL_RLIMIT_MSGQUEUE
      case .nice: CL_RLIMIT_NICE
      case .openFiles: CL_RLIMIT_NOFILE
      case .processes: CL_RLIMIT_NPROC
      case .residentSet: CL_RLIMIT_RSS
      case .realtimePriority: CL_RLIMIT_RTPRIO
      case .realtimeTime: CL_RLIMIT_RTTIME
      case .pendingSignals: CL_RLIMIT_SIGPENDING
      case .stack: CL_RLIMIT_STACK
      }
    return CInt(number)
  }
}
