#ifndef CLINUX_SESSION_H
#define CLINUX_SESSION_H

#include "clinux_base.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>

static inline uid_t cl_geteuid(void) { return geteuid(); }
static inline gid_t cl_getegid(void) { return getegid(); }
static inline pid_t cl_getpid(void) { return getpid(); }
static inline pid_t cl_tcgetpgrp(int fd) { CL_RET(tcgetpgrp(fd)); }
static inline pid_t cl_getpgrp(void) { return getpgrp(); }

/// Every signal but those in `except`, `count` of them.
static inline sigset_t cl_all_signals_except(const int *_Nonnull except, size_t count) {
  sigset_t set;
  sigfillset(&set);
  for (size_t i = 0; i < count; i++) sigdelset(&set, except[i]);
  return set;
}
static inline sigset_t cl_one_signal(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  return set;
}
/// The number of the next signal of a signalfd, and who sent it; -EAGAIN when there is none.
static inline int cl_read_signal(int fd, pid_t *_Nonnull sender) {
  struct signalfd_siginfo info;
  ssize_t count = read(fd, &info, sizeof info);
  if (count < 0) return -errno;
  if (count != sizeof info) return -EIO;
  *sender = (pid_t)info.ssi_pid;
  return (int)info.ssi_signo;
}
/// Raises a signal with its default action, for a program that handled it and now ends by it.
static inline void cl_raise_default(int signal) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  sigaction(signal, &action, NULL);
  sigset_t set = cl_one_signal(signal);
  kill(getpid(), signal);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
}
/// Whether the signal is ignored by this process.
static inline bool cl_is_ignored(int signal) {
  struct sigaction action;
  return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}
/// A read that ends with -EAGAIN instead of waiting, whatever the flags of the open file say.
static inline ssize_t cl_read_nowait(int fd, void *_Nonnull buffer, size_t count) {
  struct iovec vector = {.iov_base = buffer, .iov_len = count};
  CL_RET(preadv2(fd, &vector, 1, -1, RWF_NOWAIT));
}
static inline int cl_set_subreaper(bool on) { CL_RET(prctl(PR_SET_CHILD_SUBREAPER, on, 0, 0, 0)); }

#endif
