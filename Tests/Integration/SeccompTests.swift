import Foundation
import Harness
import Testing

/// linux.seccomp: actions, arguments, flags, architectures, and the notification socket.
@Suite(.root) struct Seccomp {
  static func rule(_ names: [String], _ action: String, _ more: [String: Any] = [:])
    -> [String: Any]
  {
    (["names": names, "action": action] as [String: Any]).merging(more) { $1 }
  }
  static func filter(_ rules: [String: Any]..., action: String = "SCMP_ACT_ALLOW") -> [String: Any]
  {
    ["defaultAction": action, "architectures": ["SCMP_ARCH_X86_64"], "syscalls": rules]
  }

  @Test func errnoOfARule() throws {
    try withSandbox { box in
      let result = try box.run {
        $0["linux.seccomp"] = Self.filter(
          Self.rule(["mkdir", "mkdirat"], "SCMP_ACT_ERRNO", ["errnoRet": 18]),
          Self.rule(["chmod", "fchmodat"], "SCMP_ACT_ERRNO"))
        $0.sh("mkdir /tmp/x 2>&1; chmod 700 /tmp 2>&1; grep Seccomp /proc/self/status")
      }
      #expect(result.lines.first?.contains("Invalid cross-device link") == true, "\(result)")
      #expect(result.lines[1].contains("Operation not permitted"), "EPERM is the default")
      #expect(result.out.contains("Seccomp:\t2") && result.out.contains("Seccomp_filters:\t1"))
    }
  }

  @Test(arguments: [
    ("SCMP_ACT_KILL", 159), ("SCMP_ACT_KILL_PROCESS", 159), ("SCMP_ACT_KILL_THREAD", 159),
    ("SCMP_ACT_TRAP", 159),
  ])
  func anActionThatEndsTheProcess(action: String, code: Int) throws {
    try withSandbox { box in
      let result = try box.run {
        $0["linux.seccomp"] = Self.filter(Self.rule(["sethostname"], action))
        $0.sh("hostname x; echo $?")
      }
      #expect(result.line.hasSuffix("\(code)"), "\(result)")
    }
  }

  @Test(arguments: ["SCMP_ACT_LOG", "SCMP_ACT_ALLOW"]) func anActionThatLetsGo(action: String)
    throws
  {
    try withSandbox { box in
      let result = try box.run {
        $0["linux.seccomp"] = Self.filter(Self.rule(["mkdir"], action), action: action)
        $0.sh("mkdir /dev/shm/x && echo made")
      }
      #expect(result.line == "made", "\(result)")
    }
  }

  @Test func traceWithoutATracerIsENOSYS() throws {
    try withSandbox { box in
      let result = try box.run {
        $0["linux.seccomp"] = Self.filter(Self.rule(["mkdir", "mkdirat"], "SCMP_ACT_TRACE"))
        $0.sh("mkdir /dev/shm/x 2>&1")
      }
      #expect(result.out.contains("Function not implemented"), "\(result)")
    }
  }

  @Test(arguments: [
    ("SCMP_CMP_EQ", 0o700, 0, [true, false, false]),
    ("SCMP_CMP_NE", 0o700, 0, [false, true, true]),
    ("SCMP_CMP_LT", 0o711, 0, [true, false, false]),
    ("SCMP_CMP_LE", 0o711, 0, [true, true, false]),
    ("SCMP_CMP_GT", 0o711, 0, [false, false, true]),
    ("SCMP_CMP_GE", 0o711, 0, [false, true, true]),
    ("SCMP_CMP_MASKED_EQ", 0o011, 0o011, [false, true, true]),
  ])
  func aComparisonOfAnArgument(op: String, value: Int, mask: Int, denied: [Bool]) throws {
    try withSandbox { box in
      func argument(_ index: Int) -> [String: Any] {
        // Of a masked comparison the first value is the mask.
        op == "SCMP_CMP_MASKED_EQ"
          ? ["index": index, "value": mask, "valueTwo": value, "op": op]
          : ["index": index, "value": value, "op": op]
      }
      let result = try box.run {
        $0["linux.seccomp"] = Self.filter(
          Self.rule(["chmod"], "SCMP_ACT_ERRNO", ["args": [argument(1)]]),
          Self.rule(["fchmodat"], "SCMP_ACT_ERRNO", ["args": [argument(2)]]))
        $0.sh(
          "for m in 700 711 777; do chmod $m /dev/shm 2>/dev/null && echo ok || echo denied; done")
      }
      #expect(result.lines == denied.map { $0 ? "denied" : "ok" }, "\(result)")
    }
  }

  @Test func anAllowListWithADefaultErrno() throws {
    try withSandbox { box in
      let allowed = [
        "read", "write", "open", "openat", "close", "stat", "fstat", "lstat", "newfstatat", "statx",
        "mmap", "munmap", "mprotect", "brk", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
        "execve", "exit", "exit_group", "wait4", "waitid", "fork", "vfork", "clone", "clone3",
        "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "arch_prctl", "prctl",
        "set_tid_address", "set_robust_list", "rseq", "prlimit64", "getrandom", "readlink", "ioctl",
        "fcntl", "dup", "dup2", "dup3", "getcwd", "uname", "access", "faccessat", "futex", "poll",
        "getdents64", "lseek", "sendfile", "pipe", "pipe2", "setpgid", "getpgrp", "writev",
        "chdir", "fchdir", "capset", "capget", "setuid", "setgid", "setgroups", "setresuid",
        "setresgid", "close_range", "epoll_ctl", "epoll_pwait", "nanosleep", "sigaltstack",
        "gettid", "tgkill", "madvise", "sched_yield", "sched_getaffinity", "openat2", "fstatfs",
        "statfs", "getsockopt", "rt_sigtimedwait", "keyctl", "setsid", "unlink", "getpgid",
        "clock_gettime", "pread64", "fadvise64", "umask", "execveat", "seccomp", "kill",
      ]
      let result = try box.run {
        $0["linux.seccomp"] = Self.filter(
          Self.rule(allowed, "SCMP_ACT_ALLOW"), action: "SCMP_ACT_ERRNO")
        $0["linux.seccomp.defaultErrnoRet"] = 38
        $0.sh("echo alive; mkdir /dev/shm/x 2>&1")
      }
      #expect(result.lines.first == "alive", "\(result)")
      #expect(result.out.contains("Function not implemented"), "\(result)")
    }
  }

  @Test func unknownCallsAreIgnored() throws {
    try withSandbox { box in
      let result = try box.run {
        $0["linux.seccomp"] = Self.filter(
          Self.rule(["no_such_call", "mkdir", "mkdirat"], "SCMP_ACT_ERRNO"))
        $0.sh("mkdir /dev/shm/x 2>/dev/null || echo denied")
      }
      #expect(result.line == "denied", "\(result)")
    }
  }

  @Test func withoutNoNewPrivilegesAndAsAUser() throws {
    try withSandbox { box in
      let result = try box.run {
        $0["process.noNewPrivileges"] = false
        $0["process.user"] = ["uid": 1000, "gid": 1000]
        $0.capabilities([])
        $0["linux.seccomp"] = Self.filter(Self.rule(["mkdir", "mkdirat"], "SCMP_ACT_ERRNO"))
        $0.sh("mkdir /dev/shm/x 2>/dev/null || echo denied; cat /proc/self/status")
      }
      #expect(result.lines.first == "denied", "\(result)")
      #expect(ProcStatus(result.out)["NoNewPrivs"] == "0")
    }
  }

  @Test func execHasTheFilterToo() throws {
    try withSandbox { box in
      let container = try box.running {
        $0["linux.seccomp"] = Self.filter(Self.rule(["mkdir", "mkdirat"], "SCMP_ACT_ERRNO"))
      }
      let result = try container.sh(
        "mkdir /dev/shm/x 2>/dev/null || echo denied; grep -c 'Seccomp:.2' /proc/self/status")
      #expect(result.lines == ["denied", "1"], "\(result)")
    }
  }

  @Test(
    .not(.runc, because: "runc 1.1.5 lacks some of them"),
    arguments: [
      "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC",
    ])
  func aFlag(flag: String) throws {
    try withSandbox { box in
      let result = try box.run {
        $0["linux.seccomp"] = Self.filter(Self.rule(["mkdir", "mkdirat"], "SCMP_ACT_ERRNO"))
        $0["linux.seccomp.flags"] = [flag]
        $0.sh("mkdir /dev/shm/x 2>/dev/null || echo denied")
      }
      #expect(result.line == "denied", "\(result)")
    }
  }

  @Test func theSameFilterManyTimes() throws {
    try withSandbox { box in
      // A cache of compiled filters must tell one filter from the next.
      for (name, denied) in [("mkdir", "mkdir"), ("chmod", "chmod"), ("mkdir", "mkdir")] {
        let result = try box.run {
          $0["linux.seccomp"] = Self.filter(
            Self.rule([name, name + "at", "f\(name)at"], "SCMP_ACT_ERRNO"))
          $0.sh(
            "mkdir /dev/shm/x 2>/dev/null || echo mkdir; chmod 700 /dev/shm 2>/dev/null || echo chmod"
          )
        }
        #expect(result.line == denied, "\(result)")
      }
    }
  }

  @Test func aDamagedCacheDoesNoHarm() throws {
    guard Runtime.isSwrun else { return }
    try withSandbox { box in
      for _ in 0..<2 {
        let result = try box.run {
          $0["linux.seccomp"] = Self.filter(Self.rule(["mkdir", "mkdirat"], "SCMP_ACT_ERRNO"))
          $0.sh("mkdir /dev/shm/x 2>/dev/null || echo denied")
        }
        #expect(result.line == "denied", "\(result)")
        // Whatever is kept beside the containers is cut in half.
        let files = try host("find", box.root, "-type", "f").lines
        for path in files {
          var info = stat()
          if lstat(path, &info) == 0 { truncate(path, info.st_size / 2) }
        }
      }
    }
  }
}
