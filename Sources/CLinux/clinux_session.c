#include "clinux_session.h"

// A signal handler can see nothing but globals.
static struct termios guarded_state;
static volatile sig_atomic_t guarded_fd = -1;

static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT, SIGSYS};
#define FAULTS (sizeof faults / sizeof faults[0])

static void restore_and_end(int signal) {
  if (guarded_fd >= 0) tcsetattr(guarded_fd, TCSANOW, &guarded_state);
  // SA_RESETHAND has put the default action back; it ends the program with the fault's signal.
  raise(signal);
}

void cl_guard_terminal(int fd, const struct termios *state) {
  guarded_state = *state;
  guarded_fd = fd;
  struct sigaction action = {.sa_handler = restore_and_end, .sa_flags = SA_RESETHAND | SA_NODEFER};
  for (size_t i = 0; i < FAULTS; i++) sigaction(faults[i], &action, NULL);
}

void cl_unguard_terminal(void) {
  guarded_fd = -1;
  for (size_t i = 0; i < FAULTS; i++) cl_default_signal(faults[i]);
}
