#include "include/clinux_jail.h"
#include <unistd.h>

static int report_fd = -1;

static void put(char *_Nonnull *_Nonnull end, const char *_Nonnull text) {
  while (*text) *(*end)++ = *text++;
}

static void put_number(char *_Nonnull *_Nonnull end, int number) {
  char digits[12];
  int count = 0;
  do {
    digits[count++] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0 && count < 11);
  while (count > 0) *(*end)++ = digits[--count];
}

static void on_forbidden_call(int signal, siginfo_t *_Nullable info, void *_Nullable context) {
  (void)signal;
  (void)context;
  char line[256], thread[16] = "";
  char *end = line;
  // By the number, for the C library's function may take a lock.
  syscall(SYS_prctl, PR_GET_NAME, thread);
  put(&end, "swrun: virtual machine: forbidden system call ");
  const char *name = cl_system_call_name(info->si_syscall);
  if (name != NULL) {
    put(&end, name);
    put(&end, " (");
  }
  put_number(&end, info->si_syscall);
  if (name != NULL) put(&end, ")");
  put(&end, " in thread ");
  put(&end, thread);
  put(&end, ": the machine is ended (its guest may be hostile; if not, report a fault of swrun)\n");
  (void)!write(report_fd, line, (size_t)(end - line));
  (void)!write(2, line, (size_t)(end - line));
  _exit(128 + SIGSYS);
}

void cl_report_forbidden_calls(int fd) {
  report_fd = fd;
  struct sigaction action = {.sa_sigaction = on_forbidden_call, .sa_flags = SA_SIGINFO};
  sigaction(SIGSYS, &action, NULL);
}
