#ifndef CLINUX_ATTRIBUTES_H
#define CLINUX_ATTRIBUTES_H

#include "clinux_base.h"
#include <elf.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/// The effective, permitted and inheritable sets, as bit masks.
struct cl_capability_sets {
  uint64_t effective;
  uint64_t permitted;
  uint64_t inheritable;
};
static inline int cl_capset(struct cl_capability_sets sets) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  for (int half = 0; half < _LINUX_CAPABILITY_U32S_3; half++) {
    data[half].effective = (uint32_t)(sets.effective >> (32 * half));
    data[half].permitted = (uint32_t)(sets.permitted >> (32 * half));
    data[half].inheritable = (uint32_t)(sets.inheritable >> (32 * half));
  }
  CL_RET((int)syscall(SYS_capset, &header, data));
}
static inline int cl_capget(struct cl_capability_sets *_Nonnull sets) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, data) < 0) return -errno;
  *sets = (struct cl_capability_sets){};
  for (int half = 0; half < _LINUX_CAPABILITY_U32S_3; half++) {
    sets->effective |= (uint64_t)data[half].effective << (32 * half);
    sets->permitted |= (uint64_t)data[half].permitted << (32 * half);
    sets->inheritable |= (uint64_t)data[half].inheritable << (32 * half);
  }
  return 0;
}

/// sched_setattr(2), which glibc 2.36 lacks, structure and all.
struct cl_sched_attr {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime;
  uint64_t deadline;
  uint64_t period;
};
_Static_assert(sizeof(struct cl_sched_attr) == 48, "SCHED_ATTR_SIZE_VER0");
static inline int cl_sched_setattr(struct cl_sched_attr attributes) {
  attributes.size = sizeof attributes;
  CL_RET((int)syscall(SYS_sched_setattr, 0, &attributes, 0));
}
/// `bits` is a CPU mask of `size` bytes.
static inline int cl_sched_setaffinity(const unsigned char *_Nonnull bits, size_t size) {
  CL_RET((int)syscall(SYS_sched_setaffinity, 0, size, bits));
}
static inline int cl_ioprio_set(int class_, int priority) {
  CL_RET((int)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
                      IOPRIO_PRIO_VALUE(class_, priority)));
}
static inline int cl_personality(unsigned long domain) { CL_RET(personality(domain)); }
static inline mode_t cl_umask(mode_t mask) { return umask(mask); }
static inline int cl_fchown(int fd, uid_t uid, gid_t gid) { CL_RET(fchown(fd, uid, gid)); }
static inline long cl_join_session_keyring(const char *_Nonnull name) {
  CL_RET(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name));
}
static inline long cl_set_key_permissions(int key, uint32_t permissions) {
  CL_RET(syscall(SYS_keyctl, KEYCTL_SETPERM, key, permissions));
}

// Enumerations of glibc, as the plain numbers that the system calls take.
enum {
  CL_RLIMIT_AS = RLIMIT_AS,
  CL_RLIMIT_CORE = RLIMIT_CORE,
  CL_RLIMIT_CPU = RLIMIT_CPU,
  CL_RLIMIT_DATA = RLIMIT_DATA,
  CL_RLIMIT_FSIZE = RLIMIT_FSIZE,
  CL_RLIMIT_LOCKS = __RLIMIT_LOCKS,
  CL_RLIMIT_MEMLOCK = __RLIMIT_MEMLOCK,
  CL_RLIMIT_MSGQUEUE = __RLIMIT_MSGQUEUE,
  CL_RLIMIT_NICE = __RLIMIT_NICE,
  CL_RLIMIT_NOFILE = RLIMIT_NOFILE,
  CL_RLIMIT_NPROC = __RLIMIT_NPROC,
  CL_RLIMIT_RSS = __RLIMIT_RSS,
  CL_RLIMIT_RTPRIO = __RLIMIT_RTPRIO,
  CL_RLIMIT_RTTIME = __RLIMIT_RTTIME,
  CL_RLIMIT_SIGPENDING = __RLIMIT_SIGPENDING,
  CL_RLIMIT_STACK = RLIMIT_STACK,
  CL_PER_LINUX = PER_LINUX,
  CL_PER_LINUX32 = PER_LINUX32,
  CL_IOPRIO_CLASS_RT = IOPRIO_CLASS_RT,
  CL_IOPRIO_CLASS_BE = IOPRIO_CLASS_BE,
  CL_IOPRIO_CLASS_IDLE = IOPRIO_CLASS_IDLE,
};

#endif
