#include "CHarness.h"

#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

// The next entry of the stopped thread into the kernel: 0, or -errno.
static int run_to_call(pid_t thread) {
  for (int stops = 0; stops < 1000; stops++) {
    int status;
    if (ptrace(PTRACE_SYSCALL, thread, NULL, NULL) < 0) return -errno;
    if (waitpid(thread, &status, __WALL) < 0) return -errno;
    if (!WIFSTOPPED(status)) return -ESRCH;
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
    struct __ptrace_syscall_info info = {};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) < 0) return -errno;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) return 0;
  }
  return -ETIMEDOUT;
}

int ch_inject_call(pid_t thread, long number, unsigned long third) {
  int status;
  if (ptrace(PTRACE_SEIZE, thread, NULL, PTRACE_O_TRACESYSGOOD) < 0) return -errno;
  int result = 0;
  if (ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) < 0) result = -errno;
  if (result == 0 && waitpid(thread, &status, __WALL) < 0) result = -errno;
  if (result == 0) result = run_to_call(thread);
  struct user_regs_struct registers;
  if (result == 0 && ptrace(PTRACE_GETREGS, thread, NULL, &registers) < 0) result = -errno;
  if (result == 0) {
    // The kernel looks at its filters behind this stop.
    registers.orig_rax = (unsigned long)number;
    registers.rdi = 0;
    registers.rsi = 4096;
    registers.rdx = third;
    registers.r10 = 0x22;
    registers.r8 = (unsigned long)-1;
    registers.r9 = 0;
    if (ptrace(PTRACE_SETREGS, thread, NULL, &registers) < 0) result = -errno;
  }
  if (ptrace(PTRACE_DETACH, thread, NULL, NULL) < 0 && result == 0) result = -errno;
  return result;
}
