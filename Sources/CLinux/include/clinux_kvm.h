#ifndef CLINUX_KVM_H
#define CLINUX_KVM_H

#include "clinux_base.h"

/// Empties a file that is open for writing and goes back to its start.
static inline int cl_restart_file(int fd) {
  if (ftruncate(fd, 0) != 0) return -errno;
  CL_RET((int)lseek(fd, 0, SEEK_SET));
}

#endif
