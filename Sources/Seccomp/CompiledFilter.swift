internal import CLinux
public import Linux
public import OCISpec

/// A filter as the kernel takes it, made before the container's process exists.
public final class CompiledFilter {
  /// The instructions.
  let program: [sock_filter]
  private let flags: UInt32
  /// Whether `load` returns a descriptor that the agent at `listenerPath` has to get.
  public let needsListener: Bool

  private init(program: [sock_filter], flags: UInt32, needsListener: Bool) {
    self.program = program
    self.flags = flags
    self.needsListener = needsListener
  }

  /// Compiles the section, or takes the result of an earlier start from the cache directory.
  ///
  /// A cache that cannot be used or written costs a warning, never the start.
  public static func prepare(
    _ seccomp: Spec.Linux.Seccomp, cacheDirectory: String?, warn: (String) -> Void
  ) throws(RuntimeError) -> CompiledFilter {
    try seccomp.requireSupported()
    // An agent that is named gets its descriptor, also when no rule would ask it: as with crun it
    // learns of each container that way.
    let needsListener =
      seccomp.listenerPath != nil || seccomp.syscalls.contains { $0.action == .notify }
    let flags = try seccomp.flagBits(needsListener: needsListener)
    guard let cacheDirectory else {
      return CompiledFilter(
        program: try seccomp.compile(), flags: flags, needsListener: needsListener)
    }
    let cache = FilterCache(directory: cacheDirectory)
    let key = seccomp.cacheKey
    if let program = cache.program(for: key) {
      return CompiledFilter(program: program, flags: flags, needsListener: needsListener)
    }
    let program = try seccomp.compile()
    do throws(SystemError) { try cache.store(program, for: key) } catch {
      warn("seccomp: the compiled filter is not kept in \(cacheDirectory): \(error)")
    }
    return CompiledFilter(program: program, flags: flags, needsListener: needsListener)
  }

  /// Filters the calling thread from now on; the listener's descriptor when one is needed.
  ///
  /// One system call and no allocation; needs no_new_privs or CAP_SYS_ADMIN (seccomp(2)).
  public func load() throws(SystemError) -> FileDescriptor? {
    let result = try system("seccomp") {
      unsafe program.withUnsafeBufferPointer {
        unsafe cl_seccomp_set_filter(flags, $0.baseAddress!, UInt16($0.count))
      }
    }
    if needsListener { return FileDescriptor(owning: result) }
    // With TSYNC, a positive result is the thread that could not be synchronised.
    if result > 0 { throw SystemError(ESRCH, "seccomp", "thread \(result)") }
    return nil
  }
}

extension Spec.Linux.Seccomp {
  /// Fails on what no filter can do, whatever the file was checked for before.
  func requireSupported() throws(RuntimeError) {
    if defaultAction == .notify {
      throw RuntimeError(
        "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be the default action",
        advice: "the runtime itself could not hand over the listener; name the system calls")
    }
    if defaultErrnoRet != nil && !defaultAction.takesErrno {
      throw RuntimeError(
        "linux.seccomp.defaultErrnoRet: \(defaultAction.rawValue) does not return an errno",
        advice: "leave it out, or use SCMP_ACT_ERRNO or SCMP_ACT_TRACE")
    }
    for (index, rule) in syscalls.enumerated() {
      if rule.errnoRet != nil && !rule.action.takesErrno {
        throw RuntimeError(
          "linux.seccomp.syscalls[\(index)].errnoRet: \(rule.action.rawValue) does not return "
            + "an errno", advice: "leave it out, or use SCMP_ACT_ERRNO or SCMP_ACT_TRACE")
      }
      if rule.action == .notify && rule.names.contains("write") {
        throw RuntimeError(
          "linux.seccomp.syscalls[\(index)]: SCMP_ACT_NOTIFY cannot be used for write",
          advice: "the runtime writes before the agent has the listener")
      }
    }
  }

  /// The flags of seccomp(2); absent flags are none, as in runc.
  func flagBits(needsListener: Bool) throws(RuntimeError) -> UInt32 {
    var bits: UInt32 = 0
    for flag in flags ?? [] {
      if flag == .waitKillableRecv && !needsListener {
        throw RuntimeError(
          "linux.seccomp.flags: \(flag.rawValue) needs a rule with SCMP_ACT_NOTIFY")
      }
      bits |= flag.bit
    }
    guard needsListener else { return bits }
    bits |= UInt32(SECCOMP_FILTER_FLAG_NEW_LISTENER)
    // The result is the listener, so that a thread that cannot be synchronised has to be an errno.
    if bits & UInt32(SECCOMP_FILTER_FLAG_TSYNC) != 0 {
      bits |= UInt32(SECCOMP_FILTER_FLAG_TSYNC_ESRCH)
    }
    return bits
  }
}

extension Spec.Linux.Seccomp.Action {
  var takesErrno: Bool { self == .errno || self == .trace }

  /// The value that a filter returns; the errno is EPERM where the file has none.
  func value(errno: UInt32?) -> UInt32 {
    let data = (errno ?? UInt32(EPERM)) & UInt32(SECCOMP_RET_DATA)
    return switch self {
    // Only the thread: what SCMP_ACT_KILL means in libseccomp and in runc.
    case .kill, .killThread: UInt32(SECCOMP_RET_KILL_THREAD)
    case .killProcess: UInt32(SECCOMP_RET_KILL_PROCESS)
    case .trap: UInt32(SECCOMP_RET_TRAP)
    case .errno: UInt32(SECCOMP_RET_ERRNO) | data
    case .trace: UInt32(SECCOMP_RET_TRACE) | data
    case .allow: UInt32(SECCOMP_RET_ALLOW)
    case .log: UInt32(SECCOMP_RET_LOG)
    case .notify: UInt32(SECCOMP_RET_USER_NOTIF)
    }
  }
}
