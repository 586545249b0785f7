#include "include/clinux_jail.h"

static int report_fd = -1;

static void put(char *_Nonnull *_Nonnull end, const char *_Nonnull text) {
  while (*text) *(*end)++ = *text++;
}

static void on_forbidden_call(int signal, siginfo_t *_Nullable info, void *_Nullable context) {
  (void)signal;
  (void)context;
  char line[96], digits[12];
  char *end = line;
  int number = info->si_syscall, count = 0;
  put(&end, "swrun-vmm: forbidden system call ");
  do {
    digits[count++] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0 && count < 11);
  while (count > 0) *end++ = digits[--count];
  put(&end, ": the virtual machine is ended\n");
  (void)!write(report_fd, line, (size_t)(end - line));
  _exit(159);
}

void cl_report_forbidden_calls(int fd) {
  report_fd = fd;
  struct sigaction action = {.sa_sigaction = on_forbidden_call, .sa_flags = SA_SIGINFO};
  sigaction(SIGSYS, &action, NULL);
}
