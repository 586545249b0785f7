// The container's process of the differential test: prints what it sees, one "field = value" a line.
// Values that differ from run to run by nature are normalised by the reader.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

static void file(const char *name, const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    printf("%s = errno %d\n", name, errno);
    return;
  }
  static char text[65536];
  ssize_t count = read(fd, text, sizeof text - 1);
  close(fd);
  if (count < 0) {
    printf("%s = errno %d\n", name, errno);
    return;
  }
  text[count] = 0;
  while (count > 0 && text[count - 1] == '\n') text[--count] = 0;
  for (char *c = text; *c; c++)
    if (*c == '\n') *c = ';';
  printf("%s = %s\n", name, text);
}

// Each line of a "Name: value" file as a field of its own.
static void fields(const char *prefix, const char *path, const char *const *wanted) {
  FILE *stream = fopen(path, "re");
  char line[4096];
  while (stream && fgets(line, sizeof line, stream)) {
    char *colon = strchr(line, ':');
    if (!colon) continue;
    *colon = 0;
    for (const char *const *name = wanted; *name; name++) {
      if (strcmp(*name, line)) continue;
      char *value = colon + 1 + strspn(colon + 1, " \t");
      value[strcspn(value, "\n")] = 0;
      printf("%s.%s = %s\n", prefix, line, value);
    }
  }
  if (stream) fclose(stream);
}

static void node(const char *prefix, const char *path) {
  struct stat info;
  if (lstat(path, &info) < 0) {
    printf("%s %s = errno %d\n", prefix, path, errno);
    return;
  }
  char target[4096] = "";
  if (S_ISLNK(info.st_mode)) {
    ssize_t count = readlink(path, target + 4, sizeof target - 5);
    if (count > 0) memcpy(target, " -> ", 4), target[4 + count] = 0;
  }
  const char *type = S_ISDIR(info.st_mode)   ? "dir"
                     : S_ISCHR(info.st_mode) ? "char"
                     : S_ISBLK(info.st_mode) ? "block"
                     : S_ISFIFO(info.st_mode) ? "fifo"
                     : S_ISLNK(info.st_mode) ? "link"
                     : S_ISREG(info.st_mode) ? "file"
                                             : "other";
  printf("%s %s = %s", prefix, path, type);
  if (!S_ISLNK(info.st_mode)) printf(" %04o", info.st_mode & 07777);
  printf(" %u:%u", info.st_uid, info.st_gid);
  if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode))
    printf(" %u,%u", major(info.st_rdev), minor(info.st_rdev));
  printf("%s\n", target);
}

static void tree(const char *prefix, const char *path, int depth) {
  DIR *directory = opendir(path);
  if (!directory) return;
  struct dirent *entry;
  while ((entry = readdir(directory))) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    char child[4096];
    snprintf(child, sizeof child, "%s/%s", strcmp(path, "/") ? path : "", entry->d_name);
    node(prefix, child);
    if (depth > 0 && entry->d_type == DT_DIR) tree(prefix, child, depth - 1);
  }
  closedir(directory);
}

// Without O_LARGEFILE and O_CLOEXEC, which say how a descriptor was opened and change nothing.
static void descriptors(void) {
  for (int fd = 0; fd < 256; fd++) {
    char path[64], target[4096];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t count = readlink(path, target, sizeof target - 1);
    if (count < 0) continue;
    target[count] = 0;
    printf("fd %d = %s flags %o\n", fd, target, fcntl(fd, F_GETFL) & ~(0100000 | O_CLOEXEC));
  }
}

// Whether a masked or read-only path can be read and written.
static void guarded(const char *path) {
  struct stat info;
  if (stat(path, &info) < 0) return;  // The host's kernel does not have it.
  char byte;
  if (S_ISDIR(info.st_mode)) {
    DIR *directory = opendir(path);
    int count = 0;
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) count += entry->d_name[0] != '.';
    if (directory) closedir(directory);
    printf("guarded %s = dir %s, write %s\n", path, count ? "filled" : "empty",
           access(path, W_OK) ? strerror(errno) : "ok");
    return;
  }
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  const char *read_result =
      fd < 0 ? strerror(errno) : read(fd, &byte, 1) == 1 ? "filled" : "empty";
  if (fd >= 0) close(fd);
  printf("guarded %s = %s, write %s\n", path, read_result,
         access(path, W_OK) ? strerror(errno) : "ok");
}

#define CALL(name, expression)                                    \
  do {                                                            \
    errno = 0;                                                    \
    long result = (expression);                                   \
    printf("call %s = %s\n", name, result < 0 ? strerror(errno) : "ok"); \
  } while (0)

static void calls(void) {
  CALL("chmod", chmod("/tmp", 01777));
  CALL("sethostname", syscall(SYS_sethostname, "", -1));
  CALL("mount", syscall(SYS_mount, 0, "/no", 0, 0, 0));
  CALL("ptrace", syscall(SYS_ptrace, 16, 0x7fffffff, 0, 0));
  CALL("personality", syscall(SYS_personality, 0x0008));
  syscall(SYS_personality, 0);
  CALL("getppid", syscall(SYS_getppid));
  CALL("keyctl", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -3, 0));
  CALL("setuid", setuid(getuid()));
  CALL("mknod", mknod("/tmp/probe-node", S_IFCHR | 0600, makedev(1, 3)));
  unlink("/tmp/probe-node");
  CALL("write-root", mkdir("/probe-directory", 0755));
  rmdir("/probe-directory");
  CALL("chroot", chroot("/"));
}

static void session_keyring(void) {
  char text[256] = "";
  long count = syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof text);
  if (count < 0) printf("keyring = errno %d\n", errno);
  else printf("keyring = %s\n", strrchr(text, ';') ? strrchr(text, ';') + 1 : text);
}

int main(int argc, char **argv) {
  FILE *output = stdout;
  char *text;
  size_t count;
  stdout = open_memstream(&text, &count);
  for (int i = 0; i < argc; i++) printf("argument %d = %s\n", i, argv[i]);
  for (char **variable = environ; *variable; variable++) {
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(*variable, "="), *variable);
    printf("environment %s = %s\n", name, *variable + strlen(name) + 1);
  }
  char buffer[4096];
  printf("cwd = %s\n", getcwd(buffer, sizeof buffer) ? buffer : strerror(errno));
  struct utsname name;
  uname(&name);
  printf("hostname = %s\ndomainname = %s\nmachine = %s\n", name.nodename, name.domainname,
         name.machine);

  static const char *const status[] = {
      "Umask", "NStgid", "NSpgid", "NSsid", "Uid", "Gid", "Groups", "SigBlk", "SigIgn", "SigCgt",
      "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
      "Seccomp_filters", "Threads", "Cpus_allowed_list", "Mems_allowed_list", "TracerPid",
      "PPid", NULL};
  fields("status", "/proc/self/status", status);
  file("oom_score_adj", "/proc/self/oom_score_adj");
  file("uid_map", "/proc/self/uid_map");
  file("gid_map", "/proc/self/gid_map");
  file("setgroups", "/proc/self/setgroups");
  file("timens_offsets", "/proc/self/timens_offsets");
  file("loginuid", "/proc/self/loginuid");
  file("coredump_filter", "/proc/self/coredump_filter");
  file("limits", "/proc/self/limits");
  file("cgroup", "/proc/self/cgroup");
  file("mountinfo", "/proc/self/mountinfo");
  session_keyring();

  printf("scheduler = %d nice %d ioprio %ld\n", sched_getscheduler(0), getpriority(0, 0),
         syscall(SYS_ioprio_get, 1, 0));
  printf("personality = %lx\n", (long)personality(0xffffffff));
  printf("securebits = %x, dumpable %d, subreaper-safe, pdeathsig ", prctl(PR_GET_SECUREBITS),
         prctl(PR_GET_DUMPABLE));
  int death = 0;
  prctl(PR_GET_PDEATHSIG, &death);
  printf("%d\n", death);
  int console = open("/dev/tty", O_RDWR | O_CLOEXEC);
  printf("controlling terminal = %s\n", console >= 0 ? "yes" : "no");
  if (console >= 0) close(console);
  struct winsize size = {0};
  int has_window = ioctl(0, TIOCGWINSZ, &size) == 0;
  // A runtime may set the size only after the process has started.
  for (int i = 0; has_window && size.ws_row == 0 && i < 50; i++) {
    usleep(10000);
    ioctl(0, TIOCGWINSZ, &size);
  }
  if (has_window)
    printf("window = %d %d, %s\n", size.ws_row, size.ws_col, ttyname(0) ? ttyname(0) : "no name");

  static const char *const namespaces[] = {"pid", "net", "ipc", "uts", "mnt",
                                           "cgroup", "user", "time", NULL};
  for (const char *const *kind = namespaces; *kind; kind++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", *kind);
    ssize_t count = readlink(path, buffer, sizeof buffer - 1);
    buffer[count < 0 ? 0 : count] = 0;
    printf("namespace %s = %s\n", *kind, buffer);
  }
  static const char *const sysctls[] = {
      "net/ipv4/ip_forward", "kernel/shm_rmid_forced", "fs/mqueue/msg_max", "kernel/domainname",
      "net/ipv4/ping_group_range", NULL};
  for (const char *const *key = sysctls; *key; key++) {
    char path[128], label[128];
    snprintf(path, sizeof path, "/proc/sys/%s", *key);
    snprintf(label, sizeof label, "sysctl %s", *key);
    file(label, path);
  }
  static const char *const limits[] = {
      "memory/memory.limit_in_bytes", "memory/memory.soft_limit_in_bytes",
      "memory/memory.memsw.limit_in_bytes", "memory/memory.swappiness",
      "memory/memory.kmem.tcp.limit_in_bytes", "cpu/cpu.shares", "cpu/cpu.cfs_quota_us",
      "cpu/cpu.cfs_period_us", "cpuset/cpuset.cpus", "cpuset/cpuset.mems", "pids/pids.max",
      "devices/devices.list", "blkio/blkio.throttle.read_bps_device",
      "blkio/blkio.throttle.write_iops_device", "memory.max", "memory.low", "cpu.max",
      "cpu.weight", "pids.max", "cpuset.cpus", "io.max", NULL};
  for (const char *const *key = limits; *key; key++) {
    char path[128], label[128];
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s", *key);
    snprintf(label, sizeof label, "limit %s", *key);
    if (access(path, F_OK) == 0) file(label, path);
  }
  static const char *const paths[] = {
      "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
      "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
      "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/secret",
      "/secrets", "/fixed", NULL};
  for (const char *const *path = paths; *path; path++) guarded(*path);

  descriptors();
  tree("node", "/dev", 2);
  tree("entry", "/", 0);
  tree("entry", "/mnt", 2);
  tree("network", "/sys/class/net", 0);
  calls();
  fclose(stdout);
  // On the way through a terminal a part can get lost: the reader counts.
  fwrite(text, 1, count, output);
  fprintf(output, "written = %zu\n", count);
  fflush(output);
  return argc > 1 ? atoi(argv[argc - 1]) : 0;
}
