internal import CLinux
internal import Linux

/// What a thread of swrun-vmm is there for: this decides its system calls and its capabilities.
enum ThreadRole: CaseIterable {
  /// Runs guest code: KVM_RUN and the exits' eventfds.
  case processor
  /// Serves queues and sockets, and sees the end of qemu.
  case device
  /// Serves file requests.
  case files
  /// Drives the session: streams, signals, the end of the machine.
  case control

  /// Makes the calling thread one of this role, for good.
  ///
  /// A thread that cannot be held to its role must not run: the process ends. `prepare` runs with
  /// the role's capabilities, and before its system calls are all that there is.
  func enter(_ prepare: () throws(SystemError) -> Void = {}) {
    do throws(RuntimeError) {
      try step("jail: \(self)") { () throws(SystemError) in
        try system("capset") { cl_limit_capabilities(capabilities) }
        try prepare()
      }
      try SystemCallFilter.load(calls)
    } catch {
      try? FileDescriptor.writeAll(2, Array("swrun: virtual machine: \(error)\n".utf8))
      cl_exit(1)
    }
  }

  /// What the role may do beyond its user (capabilities(7)), of what the jail kept.
  var capabilities: UInt64 {
    switch self {
    case .files: Jail.fileServerCapabilities
    // To end qemu, where that is the engine: else the jail did not keep it.
    case .device, .control: Jail.endingCapability
    case .processor: 0
    }
  }

  var calls: [SystemCallRule] {
    switch self {
    case .processor: Self.common + Self.allocator + Self.console + Self.processorCalls
    case .device: Self.common + Self.allocator + Self.console + Self.deviceCalls
    case .files: Self.common + Self.fileCalls
    case .control: Self.common + Self.allocator + Self.console + Self.controlCalls
    }
  }
}

extension ThreadRole {
  /// Locks, memory, wake-ups of other threads, messages, and the end; nothing is ever executable.
  private static let common: [SystemCallRule] = [
    .init(SYS_futex), .init(SYS_restart_syscall), .init(SYS_write), .init(SYS_clock_gettime),
    .init(SYS_mmap, .lacks(2, CL_PROT_EXEC)),
    .init(SYS_mprotect, .lacks(2, CL_PROT_EXEC)),
    .init(SYS_munmap), .init(SYS_mremap), .init(SYS_madvise), .init(SYS_brk),
    // A handler's end, pthread_kill and abort.
    .init(SYS_rt_sigreturn), .init(SYS_rt_sigprocmask), .init(SYS_getpid), .init(SYS_gettid),
    .init(SYS_tgkill), .init(SYS_exit), .init(SYS_exit_group),
    .init(SYS_prctl, .isOneOf(0, [CL_PR_GET_NAME])),
  ]

  /// When malloc gives an arena's memory back for the first time it looks how the host counts memory
  /// (/proc/sys/vm/overcommit_memory), and does without that.
  private static let allocator: [SystemCallRule] = [.init(SYS_openat, .refused)]

  /// The console's file begins anew when it is full.
  private static let console: [SystemCallRule] = [.init(SYS_ftruncate), .init(SYS_lseek)]

  /// The guest, the serial port's interrupt, and the registers for a message.
  private static let processorCalls: [SystemCallRule] = [
    .init(
      SYS_ioctl,
      .isOneOf(1, [CL_KVM_RUN, CL_KVM_IRQ_LINE, CL_KVM_GET_REGS, CL_KVM_GET_SREGS]))
  ]

  private static let deviceCalls: [SystemCallRule] = [
    .init(SYS_epoll_wait), .init(SYS_epoll_pwait), .init(SYS_epoll_ctl), .init(SYS_read),
    .init(SYS_close),
    // Vsock streams, the sockets of swrun's commands, vhost-user messages.
    .init(SYS_accept4), .init(SYS_recvfrom), .init(SYS_recvmsg), .init(SYS_sendto),
    .init(SYS_sendmsg), .init(SYS_shutdown), .init(SYS_fcntl),
    .init(SYS_ioctl, .isOneOf(1, [CL_FIONREAD])),
    // Entropy and its rate; the balloon's memory where that is a file.
    .init(SYS_getrandom), .init(SYS_timerfd_settime), .init(SYS_fallocate),
    // KVM's statistics of a machine with a window.
    .init(SYS_pread64),
    // The size of memory that qemu shares, and qemu's end.
    .init(SYS_fstat), .init(SYS_newfstatat), .init(SYS_poll), .init(SYS_wait4),
    .init(SYS_pidfd_send_signal),
  ]

  /// Files by descriptors; as the guest's user where one is made.
  private static let fileCalls: [SystemCallRule] = [
    SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_ctl, SYS_getrandom,
    SYS_openat, SYS_close, SYS_dup, SYS_fcntl, SYS_statx, SYS_fstat, SYS_newfstatat, SYS_fstatfs,
    SYS_getdents64, SYS_readlinkat, SYS_lseek, SYS_preadv, SYS_preadv2, SYS_pwritev,
    SYS_pwritev2, SYS_copy_file_range, SYS_fsync, SYS_fdatasync, SYS_syncfs, SYS_fallocate,
    SYS_ftruncate, SYS_mkdirat, SYS_mknodat, SYS_symlinkat, SYS_linkat, SYS_unlinkat,
    SYS_renameat2, SYS_fchmodat, SYS_fchownat, SYS_utimensat, SYS_getxattr, SYS_setxattr,
    SYS_listxattr, SYS_removexattr, SYS_setresuid, SYS_setresgid, SYS_setfsgid, SYS_setgroups,
    SYS_umask, SYS_capset,
  ].map { SystemCallRule($0) }

  private static let controlCalls: [SystemCallRule] = [
    // Streams, signals, swrun's sockets, connections to the guest.
    .init(SYS_poll), .init(SYS_read), .init(SYS_recvfrom), .init(SYS_recvmsg), .init(SYS_sendto),
    .init(SYS_sendmsg), .init(SYS_accept4), .init(SYS_socketpair), .init(SYS_shutdown),
    .init(SYS_close), .init(SYS_dup3), .init(SYS_fcntl), .init(SYS_fstat), .init(SYS_newfstatat),
    .init(SYS_ioctl, .isOneOf(1, [CL_TIOCGWINSZ])),
    // For the guest's generator.
    .init(SYS_getrandom),
  ]

  /// What a thread does before it enters its role, and the control thread until the guest runs.
  static let starting: [SystemCallRule] = [
    SYS_clone, SYS_clone3, SYS_set_robust_list, SYS_rseq, SYS_rt_sigaction, SYS_prctl,
    SYS_seccomp, SYS_capget, SYS_capset, SYS_unshare, SYS_fchdir, SYS_setgroups, SYS_getgroups,
    SYS_geteuid, SYS_getegid,
  ].map { SystemCallRule($0) }
}
