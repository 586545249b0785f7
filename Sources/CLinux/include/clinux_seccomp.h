#ifndef CLINUX_SECCOMP_H
#define CLINUX_SECCOMP_H

#include "clinux_base.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

/// The architecture of x86-64 and x32 in struct seccomp_data.
static const uint32_t CL_AUDIT_ARCH_X86_64 = AUDIT_ARCH_X86_64;

/// Filters this thread; the listener's descriptor (close-on-exec) when the flags ask for one, else 0.
static inline int cl_seccomp_set_filter(unsigned flags, const struct sock_filter *_Nonnull program,
                                        unsigned short length) {
  struct sock_fprog filter = {.len = length, .filter = (struct sock_filter *)program};
  CL_RET((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter));
}
/// Whether the kernel knows the flags: with them and no filter it fails on the filter, not on them.
static inline bool cl_seccomp_knows_flags(unsigned flags) {
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) == -1 && errno == EFAULT;
}

#endif
