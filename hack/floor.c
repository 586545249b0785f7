// What any runtime has to do for `run` with runc's default spec, and nothing else: floor ROOT ID PROGRAM...
//
// The floor of `hack/bench`: namespaces by one clone3, the mounts and cgroups of `runc spec`, masks, read-only
// paths, pivot_root, exec, wait, and the cgroups removed. It reads no config, keeps no state, checks nothing that
// the kernel does not, and is safe against nobody.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { max_groups = 32, cgroup2_magic = 0x63677270, name_size = 32, path_size = 512 };

struct group {
  char name[name_size], path[path_size];
};

static struct group groups[max_groups];
static int group_count, unified = -1;
static char unified_path[path_size];

static void fail(const char *what, const char *subject) {
  fprintf(stderr, "floor: %s %s: %s\n", what, subject, strerror(errno));
  _exit(125);
}

static void check(int result, const char *what, const char *subject) {
  if (result < 0) fail(what, subject);
}

// One cgroup in each hierarchy, below that of the caller, as a runtime without cgroupsPath has it.
static void make_groups(const char *id) {
  static char text[8192];
  int file = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
  check(file, "open", "/proc/self/cgroup");
  ssize_t size = read(file, text, sizeof text - 1);
  close(file);
  struct statfs status;
  int alone = statfs("/sys/fs/cgroup", &status) == 0 && status.f_type == cgroup2_magic;
  text[size < 0 ? 0 : size] = 0;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    char *controllers = strchr(line, ':') + 1, *place = strchr(controllers, ':');
    *place++ = 0;
    if (!strcmp(place, "/")) place = "";
    if (!*controllers) {
      // On v2 alone a cgroup with processes has no controllers for its children: beside the caller's.
      if (alone && strrchr(place, '/')) *strrchr(place, '/') = 0;
      snprintf(unified_path, sizeof unified_path, "/sys/fs/cgroup%s%s/%s", alone ? "" : "/unified", place, id);
      // The v2 side of a hybrid machine may be mounted nowhere.
      if (alone || (statfs("/sys/fs/cgroup/unified", &status) == 0 && status.f_type == cgroup2_magic)) {
        check(mkdir(unified_path, 0755), "mkdir", unified_path);
        unified = open(unified_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
      } else {
        *unified_path = 0;
      }
      continue;
    }
    if (!strncmp(controllers, "name=", 5)) controllers += 5;
    struct group *group = &groups[group_count];
    snprintf(group->name, sizeof group->name, "%s", controllers);
    snprintf(group->path, sizeof group->path, "/sys/fs/cgroup/%s%s/%s", controllers, place, id);
    check(mkdir(group->path, 0755), "mkdir", group->path);
    if (!strcmp(controllers, "cpuset")) {
      for (int i = 0; i < 2; i++) {
        char path[path_size + 32], value[4096];
        const char *name = i ? "cpuset.mems" : "cpuset.cpus";
        snprintf(path, sizeof path, "%s/../%s", group->path, name);
        int parent = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t count = read(parent, value, sizeof value);
        close(parent);
        snprintf(path, sizeof path, "%s/%s", group->path, name);
        int own = open(path, O_WRONLY | O_CLOEXEC);
        check((int)write(own, value, count), "write", path);
        close(own);
      }
    }
    group_count++;
  }
}

static void join_groups(void) {
  for (int i = 0; i < group_count; i++) {
    char path[path_size + 32];
    snprintf(path, sizeof path, "%s/tasks", groups[i].path);
    int tasks = open(path, O_WRONLY | O_CLOEXEC);
    check((int)write(tasks, "0", 1), "write", path);
    close(tasks);
  }
}

static void make_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
  check(mount(source, target, type, flags, data), "mount", target);
}

static const unsigned long safe = MS_NOSUID | MS_NODEV | MS_NOEXEC;

// A bind cannot be made read-only by the call that makes it.
static void bind_read_only(const char *source, const char *target, unsigned long flags) {
  if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0 && errno == ENOENT) return;
  make_mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL);
}

static void make_root(const char *root) {
  make_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
  make_mount(root, root, NULL, MS_BIND | MS_REC, NULL);
  check(chdir(root), "chdir", root);
  make_mount("proc", "proc", "proc", 0, NULL);
  make_mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
  mkdir("dev/pts", 0755);
  make_mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
  mkdir("dev/shm", 0755);
  make_mount("shm", "dev/shm", "tmpfs", safe, "mode=1777,size=65536k");
  mkdir("dev/mqueue", 0755);
  make_mount("mqueue", "dev/mqueue", "mqueue", safe, NULL);
  make_mount("sysfs", "sys", "sysfs", safe | MS_RDONLY, NULL);
  if (group_count == 0) {
    make_mount("cgroup", "sys/fs/cgroup", "cgroup2", safe | MS_RDONLY, NULL);
  } else {
    make_mount("tmpfs", "sys/fs/cgroup", "tmpfs", safe, "mode=755");
    for (int i = 0; i < group_count; i++) {
      char target[path_size];
      snprintf(target, sizeof target, "sys/fs/cgroup/%.31s", groups[i].name);
      mkdir(target, 0755);
      bind_read_only(groups[i].path, target, safe);
    }
    make_mount(NULL, "sys/fs/cgroup", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | safe, NULL);
  }
  static const struct {
    const char *name;
    int major, minor;
  } devices[] = {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
  umask(0);
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
    char path[32];
    snprintf(path, sizeof path, "dev/%s", devices[i].name);
    check(mknod(path, S_IFCHR | 0666, devices[i].major << 8 | devices[i].minor), "mknod", path);
  }
  check(symlink("/proc/self/fd", "dev/fd"), "symlink", "fd");
  check(symlink("/proc/self/fd/0", "dev/stdin"), "symlink", "stdin");
  check(symlink("/proc/self/fd/1", "dev/stdout"), "symlink", "stdout");
  check(symlink("/proc/self/fd/2", "dev/stderr"), "symlink", "stderr");
  check(symlink("pts/ptmx", "dev/ptmx"), "symlink", "ptmx");
  umask(022);
  static const char *read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"};
  for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++) bind_read_only(read_only[i], read_only[i], 0);
  static const char *masked[] = {"proc/acpi", "proc/asound", "proc/kcore", "proc/keys", "proc/latency_stats",
                                 "proc/timer_list", "proc/timer_stats", "proc/sched_debug", "sys/firmware", "proc/scsi"};
  for (size_t i = 0; i < sizeof masked / sizeof *masked; i++) {
    if (mount("dev/null", masked[i], NULL, MS_BIND, NULL) == 0 || errno == ENOENT) continue;
    make_mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, NULL);
  }
  make_mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
  check((int)syscall(SYS_pivot_root, ".", "."), "pivot_root", root);
  check(umount2(".", MNT_DETACH), "umount2", "the old root");
  check(chdir("/"), "chdir", "/");
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: floor ROOT ID PROGRAM...\n");
    return 2;
  }
  make_groups(argv[2]);
  struct clone_args arguments = {
      .flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_VFORK,
      .exit_signal = SIGCHLD,
  };
  if (unified >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = (uint64_t)unified;
  }
  pid_t child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
  check(child, "clone3", argv[2]);
  if (!child) {
    join_groups();
    // runc's default spec for v2 asks for it, and so does what reads /proc/self/cgroup.
    if (group_count == 0) check(unshare(CLONE_NEWCGROUP), "unshare", "cgroup");
    setsid();
    check(sethostname("runc", 4), "sethostname", "runc");
    make_root(argv[1]);
    static char *environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", NULL};
    execve(argv[3], argv + 3, environment);
    fail("execve", argv[3]);
  }
  int status;
  check(waitpid(child, &status, 0), "waitpid", argv[2]);
  for (int i = 0; i < group_count; i++) rmdir(groups[i].path);
  if (*unified_path) rmdir(unified_path);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
