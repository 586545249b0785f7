#ifndef CLINUX_ROOTFS_H
#define CLINUX_ROOTFS_H

#include "clinux_base.h"
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/// chmod of an O_PATH descriptor: fchmodat2 (Linux 6.6), else the magic link, which leads to the
/// file the descriptor refers to whatever its name is by now.
static inline int cl_chmod_descriptor(int fd, mode_t mode) {
  if (syscall(452, fd, "", mode, 0x1000 /* AT_EMPTY_PATH */) == 0) return 0;
  if (errno != ENOSYS) return -errno;
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  CL_RET(chmod(path, mode));
}

#endif
