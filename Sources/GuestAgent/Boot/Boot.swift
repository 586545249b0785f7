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
    try step("loopback interface") { () throws(SystemError) in
      try system("ioctl", "SIOCSIFFLAGS lo") { cl_loopback_up() }
    }
    try GuestMounts.mountShares()
  }

  /// Whatever the container uses up, the agent stays.
  private static func protectSelf() throws(RuntimeError) {
    try step("agent") { () throws(SystemError) in
      try File.write("/proc/self/oom_score_adj", "-1000")
    }
  }

  /// The kernel gives its first process fewer descriptors than a host's init leaves to what it
  /// starts, and a container without limits of its own has ours.
  private static func raiseLimits() throws(RuntimeError) {
    try step("limits") { () throws(SystemError) in
      var limit = rlimit(rlim_cur: 1024, rlim_max: 1 << 20)
      try system("setrlimit", "RLIMIT_NOFILE") {
        unsafe cl_setrlimit(CInt(CL_RLIMIT_NOFILE), &limit)
      }
    }
  }
}
