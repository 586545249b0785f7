internal import CLinux
internal import Linux

/// The system calls that a thread of swrun-vmm may make, by what it is there for; any other one
/// ends the virtual machine with a line that names it (seccomp(2)).
enum SystemCallFilter {
  /// What a thread is there for.
  enum Role: CaseIterable {
    /// Runs guest code: KVM_RUN and the exits' eventfds.
    case processor
    /// Serves queues and sockets, and sees the end of qemu.
    case device
    /// Serves file requests.
    case files
    /// Drives the session: streams, signals, the end of the machine.
    case control
  }

  /// Loads the filter of a role for the calling thread; it only takes away from the one for all.
  ///
  /// A thread that cannot be held to its role must not run: the process ends.
  static func enter(_ role: Role) {
    do throws(RuntimeError) { try load(calls(role)) } catch {
      try? FileDescriptor.writeAll(2, Array("swrun-vmm: \(error)\n".utf8))
      cl_exit(1)
    }
  }

  /// Loads the filter that all roles pass: before any thread is started.
  static func loadForAll() throws(RuntimeError) {
    try load(Role.allCases.reduce(into: Set<Int>()) { $0.formUnion(calls($1)) })
  }

  private static func load(_ calls: Set<Int>) throws(RuntimeError) {
    let program = program(calls.sorted())
    try step("jail: system calls") { () throws(SystemError) in
      try system("seccomp") { unsafe cl_seccomp_load(program, UInt16(program.count)) }
    }
  }

  static func calls(_ role: Role) -> Set<Int> {
    switch role {
    case .processor: Set(anyThread + waiting + memory)
    case .device: Set(anyThread + waiting + memory + sockets + children)
    case .files: Set(anyThread + waiting + memory + files)
    case .control: Set(anyThread + waiting + memory + sockets + threads + children + files)
    }
  }

  /// A chain of comparisons: with some hundred calls a tree would not be noticed beside KVM_RUN.
  private static func program(_ calls: [Int]) -> [sock_filter] {
    var program = [
      statement(CL_BPF_LOAD_WORD, UInt32(CL_SECCOMP_ARCHITECTURE)),
      // Another architecture has other numbers: 32-bit calls and x32 are none of ours.
      jump(CL_BPF_JUMP_EQUAL, CL_ARCHITECTURE, 1, 0),
      statement(CL_BPF_RETURN, CL_SECCOMP_TRAP),
      statement(CL_BPF_LOAD_WORD, UInt32(CL_SECCOMP_NUMBER)),
    ]
    for call in calls {
      program.append(jump(CL_BPF_JUMP_EQUAL, UInt32(call), 0, 1))
      program.append(statement(CL_BPF_RETURN, CL_SECCOMP_ALLOW))
    }
    program.append(statement(CL_BPF_RETURN, CL_SECCOMP_TRAP))
    return program
  }

  private static func statement(_ code: some BinaryInteger, _ value: UInt32) -> sock_filter {
    sock_filter(code: UInt16(code), jt: 0, jf: 0, k: value)
  }

  private static func jump(
    _ code: some BinaryInteger, _ value: UInt32, _ equal: UInt8, _ other: UInt8
  ) -> sock_filter {
    sock_filter(code: UInt16(code), jt: equal, jf: other, k: value)
  }
}

extension SystemCallFilter {
  private static let anyThread = [
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_close, SYS_ioctl,
    SYS_futex, SYS_sched_yield, SYS_gettid, SYS_getpid, SYS_tgkill, SYS_exit, SYS_exit_group,
    SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_sigaltstack, SYS_restart_syscall,
    SYS_set_robust_list, SYS_rseq, SYS_prctl, SYS_seccomp, SYS_getrandom, SYS_fcntl, SYS_lseek,
    SYS_ftruncate,
  ].map(Int.init)

  private static let waiting = [
    SYS_poll, SYS_ppoll, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait,
    SYS_eventfd2, SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday,
  ].map(Int.init)

  /// The C library asks how many processors there are when threads want memory at the same time: by
  /// the mask of the thread, or by a file of /sys, which the jail has not.
  private static let memory = [
    SYS_mmap, SYS_munmap, SYS_mprotect, SYS_madvise, SYS_mremap, SYS_brk, SYS_fallocate,
    SYS_sched_getaffinity, SYS_openat,
  ].map(Int.init)

  private static let sockets = [
    SYS_accept4, SYS_socketpair, SYS_shutdown, SYS_recvfrom, SYS_recvmsg, SYS_sendto, SYS_sendmsg,
    SYS_getsockopt, SYS_setsockopt, SYS_getsockname, SYS_dup, SYS_dup2, SYS_dup3, SYS_splice,
    SYS_fstat, SYS_newfstatat, SYS_pipe2, SYS_timerfd_create, SYS_timerfd_settime,
  ].map(Int.init)

  private static let threads = [
    SYS_clone, SYS_clone3, SYS_sched_getaffinity, SYS_getrlimit, SYS_prlimit64, SYS_sysinfo,
  ].map(Int.init)

  /// The engine qemu is a child.
  private static let children = [
    SYS_wait4, SYS_waitid, SYS_pidfd_send_signal, SYS_signalfd4, SYS_rt_sigtimedwait,
  ].map(Int.init)

  private static let files = [
    SYS_openat, SYS_openat2, SYS_newfstatat, SYS_fstat, SYS_statx, SYS_fstatfs, SYS_statfs,
    SYS_getdents64, SYS_readlinkat, SYS_mkdirat, SYS_mknodat, SYS_symlinkat, SYS_linkat,
    SYS_unlinkat, SYS_renameat2, SYS_fchmod, SYS_fchmodat, SYS_fchown, SYS_fchownat,
    SYS_utimensat, SYS_truncate, SYS_fsync, SYS_fdatasync, SYS_syncfs, SYS_sync_file_range,
    SYS_preadv, SYS_pwritev, SYS_preadv2, SYS_pwritev2, SYS_copy_file_range, SYS_faccessat,
    SYS_faccessat2, SYS_getxattr, SYS_setxattr, SYS_listxattr, SYS_removexattr, SYS_fgetxattr,
    SYS_fsetxattr, SYS_flistxattr, SYS_fremovexattr, SYS_lgetxattr, SYS_lsetxattr,
    SYS_llistxattr, SYS_lremovexattr, SYS_flock, SYS_setresuid, SYS_setresgid, SYS_getresuid,
    SYS_getresgid, SYS_setfsuid,
    SYS_setfsgid, SYS_setgroups, SYS_getgroups, SYS_geteuid, SYS_getegid, SYS_umask, SYS_capset,
    SYS_capget, SYS_unshare, SYS_fchdir, SYS_dup, SYS_open_by_handle_at, SYS_name_to_handle_at,
    SYS_fadvise64, SYS_open, SYS_stat, SYS_lstat,
  ].map(Int.init)
}
