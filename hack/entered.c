// Which functions of a program run, in the order in which each is entered first: entered LIST PROGRAM COMMAND...
//
// LIST has the address of a function a line, in hexadecimal, of PROGRAM, which is not position-independent. COMMAND
// is run, and it and its children are traced; wherever one of them executes PROGRAM, by whatever path, each
// function begins with a trap, which is taken away when it is hit. Output: the addresses that were entered. It ends
// when all of them have ended, with the status of COMMAND.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if !defined(__x86_64__)
#error "entered knows the traps of x86_64 alone"
#endif

enum { trap = 0xcc, path_size = 64 };

static unsigned long low = ~0ul, high;
static unsigned char *original, *planted, *is_entry, *was_entered;
static struct stat program;

static void fail(const char *what, const char *subject) {
  fprintf(stderr, "entered: %s: %s: %s\n", what, subject, strerror(errno));
  exit(125);
}

static void read_list(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) fail("open", path);
  unsigned long address, *all = NULL;
  size_t count = 0;
  while (fscanf(file, "%lx", &address) == 1) {
    if (!(count & (count - 1)) && !(all = realloc(all, (count ? count * 2 : 1) * sizeof *all))) fail("memory", path);
    all[count++] = address;
    if (address < low) low = address;
    if (address >= high) high = address + 1;
  }
  fclose(file);
  errno = EINVAL;
  if (!count) fail("no addresses in", path);
  original = calloc(4, high - low);
  if (!original) fail("memory", path);
  planted = original + (high - low);
  is_entry = planted + (high - low);
  was_entered = is_entry + (high - low);
  for (size_t i = 0; i < count; i++) is_entry[all[i] - low] = 1;
  free(all);
}

static int open_memory(pid_t pid) {
  char path[path_size];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  int memory = open(path, O_RDWR | O_CLOEXEC);
  if (memory < 0) fail("open", path);
  return memory;
}

static void plant(pid_t pid) {
  char path[path_size];
  snprintf(path, sizeof path, "/proc/%d/exe", pid);
  struct stat status;
  if (stat(path, &status) < 0) fail("stat", path);
  if (status.st_ino != program.st_ino || status.st_dev != program.st_dev) return;
  int memory = open_memory(pid);
  ssize_t size = (ssize_t)(high - low);
  if (pread(memory, original, (size_t)size, (off_t)low) != size) fail("read", path);
  memcpy(planted, original, (size_t)size);
  for (ssize_t i = 0; i < size; i++)
    if (is_entry[i] && !was_entered[i]) planted[i] = trap;
  if (pwrite(memory, planted, (size_t)size, (off_t)low) != size) fail("write", path);
  close(memory);
}

// True if the process has run into one of our traps; it goes on with what stood there.
static int enters(pid_t pid) {
  unsigned long next = (unsigned long)ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rip), 0);
  unsigned long address = next - 1;
  if (address < low || address >= high || !is_entry[address - low]) return 0;
  int memory = open_memory(pid);
  if (pwrite(memory, &original[address - low], 1, (off_t)address) != 1) fail("write", "a function's first byte");
  close(memory);
  ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rip), address);
  if (!was_entered[address - low]) printf("%lx\n", address);
  was_entered[address - low] = 1;
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: entered LIST PROGRAM COMMAND...\n");
    return 2;
  }
  read_list(argv[1]);
  if (stat(argv[2], &program) < 0) fail("stat", argv[2]);
  pid_t first = fork();
  if (first < 0) fail("fork", argv[3]);
  if (!first) {
    // What the command prints is not for the list.
    dup2(STDERR_FILENO, STDOUT_FILENO);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    execvp(argv[3], argv + 3);
    fail("execute", argv[3]);
  }
  int status, result = 125;
  if (waitpid(first, &status, 0) < 0) fail("waitpid", argv[3]);
  long options = PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
  if (ptrace(PTRACE_SETOPTIONS, first, 0, options) < 0) fail("trace", argv[3]);
  ptrace(PTRACE_CONT, first, 0, 0);
  for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
    if (!WIFSTOPPED(status)) {
      if (pid == first) result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      continue;
    }
    int event = status >> 16, received = WSTOPSIG(status), passed = 0;
    if (event == PTRACE_EVENT_EXEC)
      plant(pid);
    else if (!event && received != SIGSTOP && !(received == SIGTRAP && enters(pid)))
      passed = received;
    ptrace(PTRACE_CONT, pid, 0, passed);
  }
  return result;
}
