#ifndef CLINUX_TERMINAL_H
#define CLINUX_TERMINAL_H

#include "clinux_base.h"
#include <sys/ioctl.h>
#include <termios.h>

static inline int cl_isatty(int fd) { return isatty(fd); }
static inline int cl_tcgetattr(int fd, struct termios *_Nonnull state) {
  CL_RET(tcgetattr(fd, state));
}
static inline int cl_tcsetattr(int fd, const struct termios *_Nonnull state) {
  CL_RET(tcsetattr(fd, TCSANOW, state));
}
static inline void cl_cfmakeraw(struct termios *_Nonnull state) { cfmakeraw(state); }
static inline int cl_get_window_size(int fd, struct winsize *_Nonnull size) {
  CL_RET(ioctl(fd, TIOCGWINSZ, size));
}
static inline int cl_set_window_size(int fd, const struct winsize *_Nonnull size) {
  CL_RET(ioctl(fd, TIOCSWINSZ, size));
}
/// The slave side by descriptor, never by path (CVE-2025-52565).
static inline int cl_pty_peer(int master, int flags) { CL_RET(ioctl(master, TIOCGPTPEER, flags)); }
static inline int cl_pty_unlock(int master) {
  int zero = 0;
  CL_RET(ioctl(master, TIOCSPTLCK, &zero));
}
static inline int cl_pty_number(int master, unsigned *_Nonnull number) {
  CL_RET(ioctl(master, TIOCGPTN, number));
}
static inline int cl_set_controlling_terminal(int fd) { CL_RET(ioctl(fd, TIOCSCTTY, 0)); }

#endif
