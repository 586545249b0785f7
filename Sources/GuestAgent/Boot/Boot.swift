internal import CLinux
internal import Linux

/// What the agent does before the host may use it, in this order.
enum Boot {
  static func prepare() throws(RuntimeError) {
    try protectSelf()
    try ModuleLoader.loadAll()
    try GuestRoot.move()
    try GuestMounts.mountAll()
    try GuestCgroups.arrange()
    try raiseLimits()
    try GuestMounts.mountShares()
  }

  /// Whatever the container uses up, the agent stays.
  private static func protectSelf() throws(RuntimeError) {
    try step("agent") { () throws(SystemError) in
      try File.write("/proc/self/oom_score_adj", "-1000")
    }
  }

  /// The kernel measures its first process's limits by the machine's memory, and they are a
  /// container's that has none of its own: its cgroup is what limits that.
  private static func raiseLimits() throws(RuntimeError) {
    let unlimited = rlim_t.max
    for (resource, soft, hard) in [
      (CL_RLIMIT_NOFILE, rlim_t(1024), rlim_t(1 << 20)),
      (CL_RLIMIT_NPROC, unlimited, unlimited), (CL_RLIMIT_SIGPENDING, unlimited, unlimited),
    ] {
      try step("limits") { () throws(SystemError) in
        var limit = rlimit(rlim_cur: soft, rlim_max: hard)
        try system("setrlimit", "\(resource)") { unsafe cl_setrlimit(CInt(resource), &limit) }
      }
    }
  }
}
