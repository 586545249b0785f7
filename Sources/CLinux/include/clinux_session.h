#ifndef CLINUX_SESSION_H
#define CLINUX_SESSION_H

#include "clinux_base.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

static inline pid_t cl_tcgetpgrp(int fd) { CL_RET(tcgetpgrp(fd)); }

/// What a caller may have left in a way that this program cannot work with: the end of a child
/// must be told of, and a file that is opened must not become a standard stream.
static inline void cl_prepare_streams(void) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  sigaction(SIGCHLD, &action, NULL);
  for (int fd = 0; fd <= 2; fd++) {
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) open("/dev/null", O_RDWR);
  }
}
/// Every signal but those that a fault of this program raises, which must end it, and those that
/// stop a background job that touches its terminal.
static inline sigset_t cl_forwarded_signals(void) {
  static const int except[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE,
                               SIGABRT, SIGSYS, SIGTTIN, SIGTTOU};
  sigset_t set;
  sigfillset(&set);
  for (size_t i = 0; i < sizeof except / sizeof except[0]; i++) sigdelset(&set, except[i]);
  return set;
}
/// Waits for a signal of the set, which must be blocked: its number, and who sent it.
static inline int cl_wait_signal(const sigset_t *_Nonnull set, pid_t *_Nonnull sender) {
  siginfo_t info;
  int signal = sigwaitinfo(set, &info);
  if (signal < 0) return -errno;
  *sender = info.si_pid;
  return signal;
}
/// The next signal of a signalfd, and who sent it; -EAGAIN when there is none.
static inline int cl_read_signal(int fd, pid_t *_Nonnull sender) {
  struct signalfd_siginfo info;
  ssize_t count = read(fd, &info, sizeof info);
  if (count < 0) return -errno;
  if (count != (ssize_t)sizeof info) return -EIO;
  *sender = (pid_t)info.ssi_pid;
  return (int)info.ssi_signo;
}
/// Whether the signal is ignored by this process, as under nohup(1).
static inline bool cl_is_ignored(int signal) {
  struct sigaction action;
  return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}
static inline int cl_default_signal(int signal) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  CL_RET(sigaction(signal, &action, NULL));
}
static inline int cl_set_subreaper(bool on) { CL_RET(prctl(PR_SET_CHILD_SUBREAPER, on, 0, 0, 0)); }
/// The character that ends a terminal's input, usually ^D.
static inline uint8_t cl_end_of_file_character(const struct termios *_Nonnull state) {
  return state->c_cc[VEOF];
}

/// From now on a fault that ends this program first gives the terminal `state` back.
void cl_guard_terminal(int fd, const struct termios *_Nonnull state);
/// Ends `cl_guard_terminal`.
void cl_unguard_terminal(void);

#endif
