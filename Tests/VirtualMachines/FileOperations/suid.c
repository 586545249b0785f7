// Set-user-ID, set-group-ID and file capabilities: what takes them away, and what they do.
#include "areas.h"
#include <sys/sendfile.h>

static const mode_t kinds[] = {04777, 02777, 06777, 02767, 06767, 01777};
enum { KINDS = sizeof kinds / sizeof *kinds };

// struct vfs_cap_data of revision 2 with CAP_NET_BIND_SERVICE, effective and permitted.
static const unsigned char capability[20] = {1, 0, 0, 2, 0, 4};

static const char *const deeds[] = {
  "write", "pwrite", "append", "write of nothing", "truncate", "ftruncate", "truncate to its size",
  "O_TRUNC", "fallocate", "punch", "mapping", "copy_file_range", "sendfile", "splice", "chmod",
  "utimens", "setxattr", "read", "link", "rename",
};
enum { DEEDS = sizeof deeds / sizeof *deeds };

void prepareSuid(void) {
  for (int deed = 0; deed < DEEDS; deed++) {
    for (int kind = 0; kind < KINDS; kind++) {
      char name[32];
      snprintf(name, sizeof name, "%d.%d", deed, kind);
      make(name, "some text", kinds[kind]);
    }
    char name[32];
    snprintf(name, sizeof name, "%d.cap", deed);
    make(name, "some text", 0777);
    need(setxattr(name, "security.capability", capability, sizeof capability, 0) == 0, name);
    snprintf(name, sizeof name, "%d.both", deed);
    make(name, "some text", 06777);
    need(setxattr(name, "security.capability", capability, sizeof capability, 0) == 0, name);
  }
  // This program itself, as another user's.
  static const struct {
    const char *name;
    uid_t uid;
    gid_t gid;
    mode_t mode;
  } programs[] = {
    {"identity.plain", 0, 0, 0755}, {"identity.suid", 1002, 0, 04755},
    {"identity.sgid", 0, 3000, 02755}, {"identity.both", 1002, 3000, 06755},
    {"identity.sgid-without-x", 0, 3000, 02745},
  };
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = open(programs[i].name, O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
    struct stat info;
    need(from >= 0 && to >= 0 && fstat(from, &info) == 0, programs[i].name);
    need(sendfile(to, from, NULL, (size_t)info.st_size) == info.st_size, programs[i].name);
    close(from);
    close(to);
    need(chown(programs[i].name, programs[i].uid, programs[i].gid) == 0, "chown");
    need(chmod(programs[i].name, programs[i].mode) == 0, "chmod");
  }
}

static long perform(int deed, const char *name) {
  char other[64];
  int fd = -1, from = -1;
  long result = -1;
  off_t at = 0;
  switch (deed) {
  case 0: return write(fd = get(name, O_WRONLY), "x", 1);
  case 1: return pwrite(fd = get(name, O_RDWR), "x", 1, 3);
  case 2: return write(fd = get(name, O_WRONLY | O_APPEND), "x", 1);
  case 3: return write(fd = get(name, O_WRONLY), "x", 0);
  case 4: return truncate(name, 3);
  case 5: return ftruncate(fd = get(name, O_RDWR), 30);
  case 6: return truncate(name, 9);
  case 7: return get(name, O_WRONLY | O_TRUNC);
  case 8: return fallocate(fd = get(name, O_RDWR), 0, 0, 8192);
  case 9: return fallocate(fd = get(name, O_RDWR), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4);
  case 10: {
    fd = get(name, O_RDWR);
    char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return -1;
    memory[0] = 'm';
    result = msync(memory, 4096, MS_SYNC);
    munmap(memory, 4096);
    return result;
  }
  case 11:
    from = get("source", O_RDONLY);
    return copy_file_range(from, &at, fd = get(name, O_WRONLY), NULL, 4, 0);
  case 12: return sendfile(fd = get(name, O_WRONLY), from = get("source", O_RDONLY), &at, 4);
  case 13: {
    int ends[2];
    need(pipe(ends) == 0 && write(ends[1], "pipe", 4) == 4, "pipe");
    result = splice(ends[0], NULL, fd = get(name, O_WRONLY), NULL, 4, 0);
    close(ends[0]);
    close(ends[1]);
    return result;
  }
  case 14: {
    struct stat info;
    need(stat(name, &info) == 0, name);
    return chmod(name, info.st_mode);
  }
  case 15: return utimensat(AT_FDCWD, name, NULL, 0);
  case 16: return setxattr(name, "user.x", "1", 1, 0);
  case 17: return read(fd = get(name, O_RDONLY), other, 4);
  case 18:
    snprintf(other, sizeof other, "%s.link", name);
    return link(name, other);
  default:
    snprintf(other, sizeof other, "%s.new", name);
    result = rename(name, other);
    return result < 0 ? result : rename(other, name);
  }
}

static void execute(void *name) {
  char *arguments[] = {name, NULL};
  char *environment[] = {NULL};
  execve(name, arguments, environment);
  done("execute", -1);
}

void suid(void) {
  make("source", "source", 0644);
  for (int deed = 0; deed < DEEDS; deed++) {
    char name[32], label[64];
    for (int kind = 0; kind < KINDS; kind++) {
      snprintf(name, sizeof name, "%d.%d", deed, kind);
      snprintf(label, sizeof label, "%s of %04o", deeds[deed], kinds[kind]);
      done(label, perform(deed, name));
      shape(label, name);
    }
    snprintf(name, sizeof name, "%d.cap", deed);
    snprintf(label, sizeof label, "%s with a capability", deeds[deed]);
    done(label, perform(deed, name));
    unsigned char bytes[64];
    value(label, getxattr(name, "security.capability", bytes, sizeof bytes));
    snprintf(name, sizeof name, "%d.both", deed);
    snprintf(label, sizeof label, "%s with set-user-ID and a capability", deeds[deed]);
    done(label, perform(deed, name));
    shape(label, name);
    value(label, getxattr(name, "security.capability", bytes, sizeof bytes));
  }
  // What is written later by another process, while the first still has it open.
  static const char *const programs[] = {
    "./identity.plain", "./identity.suid", "./identity.sgid", "./identity.both",
    "./identity.sgid-without-x",
  };
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
    dprintf(1, "%s suid execute %s: ", userName(), programs[i] + 2);
    inChild(execute, (void *)programs[i]);
  }
  int fd = open("identity.plain", O_WRONLY | O_CLOEXEC);
  opened("a program open for writing", fd < 0 ? -1 : fd);
  make("script", "#!./identity.plain\n", 0755);
  dprintf(1, "%s suid execute a script: ", userName());
  inChild(execute, "./script");
  make("noexec", "#!./identity.plain\n", 0644);
  dprintf(1, "%s suid execute without permission: ", userName());
  inChild(execute, "./noexec");
  dprintf(1, "%s suid execute a directory: ", userName());
  inChild(execute, ".");
}
