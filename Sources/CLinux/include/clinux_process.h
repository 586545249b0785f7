#ifndef CLINUX_PROCESS_H
#define CLINUX_PROCESS_H

#include "clinux_base.h"
#include "clinux_file.h"
#include <grp.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

/// clone3 as fork: the child goes on behind the call with a copy of memory. 0 in the child, the
/// pid in the parent, or -errno. `pidfd` and `cgroup` are used when >= 0 / not NULL.
static inline int cl_clone3(uint64_t flags, int *_Nullable pidfd, int cgroup) {
  struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
  if (pidfd) {
    args.flags |= CLONE_PIDFD;
    args.pidfd = (uint64_t)(uintptr_t)pidfd;
  }
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = (uint64_t)cgroup;
  }
  // The kernel insists on no exit signal with CLONE_PARENT.
  if (flags & CLONE_PARENT) args.exit_signal = 0;
  CL_RET((int)syscall(SYS_clone3, &args, sizeof args));
}
static inline int cl_unshare(int flags) { CL_RET(unshare(flags)); }
static inline int cl_setns(int fd, int flags) { CL_RET(setns(fd, flags)); }
static inline int cl_pidfd_open(pid_t pid, unsigned flags) {
  CL_RET((int)syscall(SYS_pidfd_open, pid, flags));
}
static inline int cl_pidfd_send_signal(int pidfd, int signal) {
  CL_RET((int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0));
}
static inline int cl_kill(pid_t pid, int signal) { CL_RET(kill(pid, signal)); }
/// waitpid; `status` is filled.
static inline pid_t cl_waitpid(pid_t pid, int *_Nonnull status, int options) {
  CL_RET(waitpid(pid, status, options));
}
/// The signal that ended a child that is not reaped yet; 0 when it exited, or still runs.
static inline int cl_child_ending_signal(pid_t pid) {
  siginfo_t info = {0};
  if (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0) return 0;
  return info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED ? info.si_status : 0;
}
/// The exit code of a wait status as shells count: the code, or 128 + signal.
static inline int cl_exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
static inline int cl_execveat(int dirfd, const char *_Nonnull path,
                              char *_Nullable const *_Nonnull argv,
                              char *_Nullable const *_Nonnull envp, int flags) {
  CL_RET((int)syscall(SYS_execveat, dirfd, path, argv, envp, flags));
}
static inline int cl_execve(const char *_Nonnull path, char *_Nullable const *_Nonnull argv,
                            char *_Nullable const *_Nonnull envp) {
  CL_RET(execve(path, argv, envp));
}
static inline int cl_prctl(int option, unsigned long a, unsigned long b, unsigned long c,
                           unsigned long d) {
  CL_RET(prctl(option, a, b, c, d));
}
// Raw system calls: this process has one thread, and the C library's versions signal the others.
static inline int cl_setresuid(uid_t real, uid_t effective, uid_t saved) {
  CL_RET((int)syscall(SYS_setresuid, real, effective, saved));
}
static inline int cl_setresgid(gid_t real, gid_t effective, gid_t saved) {
  CL_RET((int)syscall(SYS_setresgid, real, effective, saved));
}
static inline int cl_setgroups(size_t count, const gid_t *_Nullable groups) {
  CL_RET((int)syscall(SYS_setgroups, count, groups));
}
static inline int cl_getgroups(int size, gid_t *_Nullable groups) {
  CL_RET(getgroups(size, groups));
}
static inline int cl_setpgid(pid_t pid, pid_t group) { CL_RET(setpgid(pid, group)); }
static inline int cl_setsid(void) { CL_RET(setsid()); }
static inline int cl_sethostname(const char *_Nonnull name, size_t length) {
  CL_RET(sethostname(name, length));
}
static inline int cl_setdomainname(const char *_Nonnull name, size_t length) {
  CL_RET(setdomainname(name, length));
}
static inline int cl_getrlimit(int resource, struct rlimit *_Nonnull limit) {
  CL_RET((int)syscall(SYS_prlimit64, 0, resource, NULL, limit));
}
static inline int cl_setrlimit(int resource, const struct rlimit *_Nonnull limit) {
  CL_RET((int)syscall(SYS_prlimit64, 0, resource, limit, NULL));
}
static inline int cl_signalfd(int fd, const sigset_t *_Nonnull mask, int flags) {
  CL_RET(signalfd(fd, mask, flags));
}
static inline int cl_sigprocmask(int how, const sigset_t *_Nullable set,
                                 sigset_t *_Nullable old) {
  CL_RET(sigprocmask(how, set, old));
}
/// Every signal gets its default action again, and none is blocked: what an exec must hand on.
static inline void cl_reset_signals(void) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &action, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}
static inline int cl_ignore_signal(int signal) {
  struct sigaction action = {.sa_handler = SIG_IGN};
  CL_RET(sigaction(signal, &action, NULL));
}
static inline void cl_exit(int code) __attribute__((noreturn));
static inline void cl_exit(int code) { _exit(code); }
static inline int64_t cl_monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
static inline int64_t cl_realtime_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

enum {
  CL_CLONE_NEWNS = CLONE_NEWNS,
  CL_CLONE_NEWUTS = CLONE_NEWUTS,
  CL_CLONE_NEWIPC = CLONE_NEWIPC,
  CL_CLONE_NEWUSER = CLONE_NEWUSER,
  CL_CLONE_NEWPID = CLONE_NEWPID,
  CL_CLONE_NEWNET = CLONE_NEWNET,
  CL_CLONE_NEWCGROUP = CLONE_NEWCGROUP,
  CL_CLONE_NEWTIME = CLONE_NEWTIME,
  CL_CLONE_PARENT = CLONE_PARENT,
};

/// The environment this process was started with.
static inline char *_Nullable *_Nonnull cl_environ(void) {
  extern char **environ;
  return (char *_Nullable *_Nonnull)environ;
}

/// The words of the command line, the program's name first and a null pointer behind the last.
char *_Nullable *_Nonnull cl_words(void);

/// Opens /proc/PID/stat, or returns -errno.
static inline int cl_open_proc_stat(pid_t pid) {
  char path[32] = "/proc/", digits[12];
  int count = 0, length = 6;
  unsigned rest = (unsigned)pid;
  do digits[count++] = (char)('0' + rest % 10);
  while (rest /= 10);
  while (count) path[length++] = digits[--count];
  memcpy(path + length, "/stat", sizeof "/stat");
  return cl_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
}

/// The offset of the last byte that is `byte`, or -1.
static inline ssize_t cl_last_byte(const void *_Nullable bytes, size_t count, uint8_t byte) {
  const char *found = count ? (const char *)memrchr(bytes, byte, count) : NULL;
  return found ? found - (const char *)bytes : -1;
}

#endif
