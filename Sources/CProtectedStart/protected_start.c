// Where swrun begins, before the C library: the verbs that enter containers run from a read-only view of the binary
// (ProtectedBinary, CVE-2019-5736), and the program that executes this view needs no runtime to do so. Starting the C
// library and Swift twice would take a tenth of the time of `run`.
//
// It decides nothing: ProtectedBinary looks again, and does the same with a word for each failure. So whatever is
// odd here is left to that. No function of the C library can be called yet, memcpy among them.
#include <elf.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

// What is longer or more than this is left to ProtectedBinary. Pages of the stack that are not touched cost nothing.
enum { at_empty_path = 0x1000, read_only = 1, most_variables = 1024, longest_path = 512, first_descriptor = 3 };

// In clinux_mount.h, whose structures are the C library's.
extern int cl_binary_view;

#if defined(__x86_64__)
__asm__(
    ".text\n"
    ".globl swrun_start\n"
    ".type swrun_start, @function\n"
    "swrun_start:\n"
    "  xorl %ebp, %ebp\n"
    "  movq %rdx, %rbx\n"
    "  movq %rsp, %rdi\n"
    "  call swrun_protect\n"
    "  movq %rbx, %rdx\n"
    "  jmp _start\n"
    ".size swrun_start, . - swrun_start\n");

static long call(long number, long a, long b, long c, long d, long e) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
__asm__(
    ".text\n"
    ".globl swrun_start\n"
    ".type swrun_start, @function\n"
    "swrun_start:\n"
    "  mov x29, #0\n"
    "  mov x30, #0\n"
    "  mov x19, x0\n"
    "  mov x0, sp\n"
    "  bl swrun_protect\n"
    "  mov x0, x19\n"
    "  mov x30, #0\n"
    "  b _start\n"
    ".size swrun_start, . - swrun_start\n");

static long call(long number, long a, long b, long c, long d, long e) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
}
#else
#error "swrun runs on x86_64 and aarch64"
#endif

static int starts_with(const char *text, const char *start) {
  while (*start)
    if (*text++ != *start++) return 0;
  return 1;
}

static int is(const char *text, const char *other) {
  while (*text && *text == *other) text++, other++;
  return *text == *other;
}

static const char own_file[] = "/proc/self/exe";
// As ProgramOrigin has it.
static const char origin[] = "_SWRUN_ORIGIN=";
static const char view_name[] = "/dev/fd/";

// Notes the descriptor of the view that this program was executed from: its number stands in the name that the kernel
// gives to such a program. Whatever this one executes must not get it.
static void note_view(char **environment) {
  while (*environment) environment++;
  unsigned long *entry = (unsigned long *)(environment + 1);
  while (entry[0] != AT_NULL && entry[0] != AT_EXECFN) entry += 2;
  if (entry[0] == AT_NULL) return;
  const char *name = (const char *)entry[1];
  if (!starts_with(name, view_name)) return;
  int number = 0;
  for (name += sizeof view_name - 1; *name >= '0' && *name <= '9' && number < 1 << 20; name++)
    number = number * 10 + (*name - '0');
  if (*name || number < first_descriptor) return;
  if (call(SYS_fcntl, number, F_SETFD, FD_CLOEXEC, 0, 0) == 0) cl_binary_view = number;
}

// Executes the read-only view with the path of the file in its environment; returns where that is impossible.
static void execute(char **words, char **environment) {
  struct statfs status;
  if (call(SYS_statfs, (long)own_file, (long)&status, 0, 0, 0) < 0) return;
  if (status.f_flags & read_only) {
    note_view(environment);
    return;
  }
  char path[sizeof origin + longest_path];
  long size = 0;
  for (; origin[size]; size++) path[size] = origin[size];
  long length = call(SYS_readlinkat, AT_FDCWD, (long)own_file, (long)(path + size), longest_path, 0);
  if (length <= 0 || length == longest_path) return;
  path[size + length] = 0;
  int count = 0;
  while (environment[count]) {
    if (++count > most_variables) return;
  }
  char *kept[count + 2];
  count = 0;
  for (; *environment; environment++) {
    if (!starts_with(*environment, origin)) kept[count++] = *environment;
  }
  kept[count++] = path;
  kept[count] = NULL;
  // It stays open behind the exec, which would wait for the end of the detached mount with it; a standard stream it
  // must not become.
  long tree = call(SYS_open_tree, AT_FDCWD, (long)own_file, OPEN_TREE_CLONE, 0, 0);
  if (tree < 0) return;
  if (tree < first_descriptor) call(SYS_fcntl, tree, F_SETFD, FD_CLOEXEC, 0, 0);
  volatile struct mount_attr attributes;
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  attributes.attr_clr = 0;
  attributes.propagation = 0;
  attributes.userns_fd = 0;
  if (call(SYS_mount_setattr, tree, (long)"", at_empty_path, (long)&attributes, sizeof attributes) == 0)
    call(SYS_execveat, tree, (long)"", (long)words, (long)kept, at_empty_path);
  call(SYS_close, tree, 0, 0, 0, 0);
}

// The stack as the kernel made it: the number of words, the words, NULL, the environment, NULL.
__attribute__((used)) void swrun_protect(long *stack) {
  char **words = (char **)(stack + 1);
  char **environment = words + stack[0] + 1;
  for (long i = 1; i < stack[0]; i++) {
    // A word that is not the verb costs a needless exec at worst.
    if (is(words[i], "run") || is(words[i], "create") || is(words[i], "exec")) {
      execute(words, environment);
      return;
    }
  }
}
