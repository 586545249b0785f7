#ifndef CLINUX_JAIL_H
#define CLINUX_JAIL_H

#include "clinux_attributes.h"
#include "clinux_base.h"
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/// Leaves a thread of a process without privileges exactly these capabilities, none of them
/// inheritable; the bounding set is cut to them as well.
static inline int cl_keep_capabilities(uint64_t kept) {
  for (int capability = 0; capability < 64; capability++) {
    if (kept >> capability & 1) continue;
    int result = prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    // EINVAL: the kernel knows no capability of that number, and so none above.
    if (result < 0 && errno == EINVAL) break;
    if (result < 0) return -errno;
  }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -errno;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {
      {.effective = (uint32_t)kept, .permitted = (uint32_t)kept},
      {.effective = (uint32_t)(kept >> 32), .permitted = (uint32_t)(kept >> 32)}};
  CL_RET((int)syscall(SYS_capset, &header, data));
}

/// Leaves the calling thread of these capabilities only those that it has, permitted and effective.
static inline int cl_limit_capabilities(uint64_t kept) {
  struct cl_capability_sets sets;
  int result = cl_capget(&sets);
  if (result < 0) return result;
  kept &= sets.permitted;
  return cl_capset((struct cl_capability_sets){.effective = kept, .permitted = kept});
}

/// The memory allocator makes at most so many arenas. Left to itself it asks for the number of
/// processors when threads first want memory at the same time, by files that a jail has not.
static inline bool cl_limit_arenas(int count) { return mallopt(M_ARENA_MAX, count) == 1; }

static inline int cl_set_no_new_privileges(void) {
  CL_RET(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}
static inline int cl_set_undumpable(void) { CL_RET(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)); }

/// Loads a filter for the calling thread and those that it starts.
static inline int cl_seccomp_load(const struct sock_filter *_Nonnull program, uint16_t length) {
  struct sock_fprog filter = {.len = length, .filter = (struct sock_filter *)program};
  CL_RET((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter));
}

enum {
  CL_BPF_LOAD_WORD = BPF_LD | BPF_W | BPF_ABS,
  CL_BPF_JUMP_EQUAL = BPF_JMP | BPF_JEQ | BPF_K,
  CL_BPF_JUMP_AT_LEAST = BPF_JMP | BPF_JGE | BPF_K,
  CL_BPF_JUMP_ANY_BIT = BPF_JMP | BPF_JSET | BPF_K,
  CL_BPF_RETURN = BPF_RET | BPF_K,
  CL_SECCOMP_NUMBER = offsetof(struct seccomp_data, nr),
  CL_SECCOMP_ARCHITECTURE = offsetof(struct seccomp_data, arch),
  /// The lower half of the first argument; the others follow at distances of 8.
  CL_SECCOMP_ARGUMENT = offsetof(struct seccomp_data, args),
};
static const uint32_t CL_KVM_RUN = KVM_RUN, CL_KVM_GET_REGS = KVM_GET_REGS,
                      CL_KVM_GET_SREGS = KVM_GET_SREGS, CL_KVM_IRQ_LINE = KVM_IRQ_LINE;
static const uint32_t CL_TIOCGWINSZ = TIOCGWINSZ, CL_FIONREAD = FIONREAD;
static const uint32_t CL_PR_GET_NAME = PR_GET_NAME;
static const uint32_t CL_PROT_EXEC = PROT_EXEC;
static const uint32_t CL_ARCHITECTURE = AUDIT_ARCH_X86_64;
static const uint32_t CL_X32_BIT = 0x40000000;
static const uint32_t CL_SECCOMP_ALLOW = SECCOMP_RET_ALLOW;
static const uint32_t CL_SECCOMP_TRAP = SECCOMP_RET_TRAP;
static const uint32_t CL_SECCOMP_REFUSE = SECCOMP_RET_ERRNO | EACCES;

/// What a system call of this number is called; NULL for one that is newer than the headers.
const char *_Nullable cl_system_call_name(int number);

/// A system call outside the allow-list ends the process with exit code 159: the handler says which,
/// and in which thread, on `fd` and on the error stream first.
///
/// Only async-signal-safe calls, all of them on every list.
void cl_report_forbidden_calls(int fd);

#endif
