// stat, statx, statfs, times, what is read-only, and errors that paths end in.
#include "areas.h"
#include <linux/fs.h>
#include <linux/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

static struct statx extended(const char *path, unsigned mask, int flags) {
  struct statx out;
  memset(&out, 0, sizeof out);
  if (syscall(SYS_statx, AT_FDCWD, path, flags, mask, &out) < 0) out.stx_mask = 0;
  return out;
}

void status(void) {
  make("f", "0123456789", 0640);
  makeDirectory("d", 0755);
  need(symlink("f", "l") == 0 && mkfifo("p", 0600) == 0, "symlink");
  struct stat one, two;
  need(stat("f", &one) == 0 && stat("d", &two) == 0, "stat");
  say("one device", "%d", one.st_dev == two.st_dev);
  need(stat(OTHER_SYSTEM, &two) == 0, "stat");
  say("inode numbers", "%d", one.st_ino > 0);
  value("block size", one.st_blksize);
  need(fsync(get("f", O_RDONLY)) == 0 && stat("f", &one) == 0, "fsync");
  value("blocks", one.st_blocks);
  shape("a link", "l");
  done("fstatat of an empty path", fstatat(get("f", O_PATH), "", &one, AT_EMPTY_PATH));
  done("fstatat with an unknown flag", fstatat(AT_FDCWD, "f", &one, 1 << 25));
  struct statx info = extended("f", STATX_BASIC_STATS, 0);
  say("statx, basic", "%x", info.stx_mask & STATX_BASIC_STATS);
  say("its fields", "%o %u %u %u %llu", info.stx_mode, info.stx_nlink, info.stx_uid, info.stx_gid,
    (unsigned long long)info.stx_size);
  info = extended("f", STATX_BTIME, 0);
  say("statx, time of birth", "%d", !!(info.stx_mask & STATX_BTIME));
  info = extended("f", STATX_SIZE, AT_STATX_DONT_SYNC);
  say("statx without asking", "%d %llu", !!(info.stx_mask & STATX_SIZE), (unsigned long long)info.stx_size);
  info = extended("f", STATX_SIZE, AT_STATX_FORCE_SYNC);
  say("statx with asking", "%d %llu", !!(info.stx_mask & STATX_SIZE), (unsigned long long)info.stx_size);
  info = extended("f", 0x1000, 0);
  say("statx, mount", "%d", !!(info.stx_mask & 0x1000));
  info = extended(".", STATX_BASIC_STATS, 0);
  say("statx, no root of a mount", "%d", !!(info.stx_attributes & STATX_ATTR_MOUNT_ROOT));
  info = extended(OTHER_SYSTEM, STATX_BASIC_STATS, 0);
  say("statx, a root of a mount", "%d", !!(info.stx_attributes & STATX_ATTR_MOUNT_ROOT));
  done("statx with an unknown mask", syscall(SYS_statx, AT_FDCWD, "f", 0, 1u << 31, &info));
  struct statfs system;
  need(statfs("f", &system) == 0, "statfs");
  say("kind of file system", "%lx", (unsigned long)system.f_type);
  value("longest name", (long)system.f_namelen);
  value("its block size", (long)system.f_bsize);
  value("its fragment size", (long)system.f_frsize);
  say("free space", "%d", system.f_bavail > 0 && system.f_bfree >= system.f_bavail);
  say("files", "%d", system.f_files > 0);
  done("fstatfs", fstatfs(get("f", O_RDONLY), &system));
  done("fstatfs of O_PATH", fstatfs(get("f", O_PATH), &system));
  done("statfs of nothing", statfs("nothing", &system));
  struct statvfs mounted;
  need(statvfs(READ_ONLY, &mounted) == 0, "statvfs");
  say("read-only", "%d", !!(mounted.f_flag & ST_RDONLY));
  need(statvfs(".", &mounted) == 0, "statvfs");
  say("not read-only", "%d", !!(mounted.f_flag & ST_RDONLY));
  say("no limits on devices and set-user-ID", "%lx", mounted.f_flag & (ST_NODEV | ST_NOSUID | ST_NOEXEC));
  value("pathconf name", pathconf(".", _PC_NAME_MAX));
  value("pathconf path", pathconf(".", _PC_PATH_MAX));
  value("pathconf size bits", pathconf(".", _PC_FILESIZEBITS));
  value("pathconf symlinks", pathconf(".", _PC_2_SYMLINKS));
  int fd = get("f", O_RDWR);
  int number = 0;
  done("FIONREAD", ioctl(fd, FIONREAD, &number));
  value("bytes to read", number);
  done("FIGETBSZ", ioctl(fd, FIGETBSZ, &number));
  done("FS_IOC_GETFLAGS", ioctl(fd, FS_IOC_GETFLAGS, &number));
  done("an unknown ioctl", ioctl(fd, 0x5a5a5a, &number));
  done("TCGETS", ioctl(fd, 0x5401, &one));
  say("a terminal", "%d", isatty(fd));
  struct {
    struct file_handle handle;
    unsigned char bytes[128];
  } handle = {.handle = {.handle_bytes = 128}};
  int mount;
  done("name_to_handle_at", name_to_handle_at(AT_FDCWD, "f", &handle.handle, &mount, 0));
  opened("open_by_handle_at", open_by_handle_at(get(".", O_RDONLY), &handle.handle, O_RDONLY));
  handle.handle.handle_bytes = 0;
  done("name_to_handle_at with no room", name_to_handle_at(AT_FDCWD, "f", &handle.handle, &mount, 0));
}

static void moments(const char *name, const char *path) {
  struct stat info;
  if (lstat(path, &info) < 0) return done(name, -1);
  time_t now = time(NULL);
  struct timespec both[2] = {info.st_atim, info.st_mtim};
  char text[2][64];
  for (int i = 0; i < 2; i++) {
    if (both[i].tv_sec > now - 100000 && both[i].tv_sec < now + 100000) strcpy(text[i], "now");
    else snprintf(text[i], 64, "%lld.%09ld", (long long)both[i].tv_sec, both[i].tv_nsec);
  }
  say(name, "%s %s", text[0], text[1]);
}

void prepareTimes(void) {
  make("roots", "x", 0644);
  make("open", "x", 0666);
}

void times(void) {
  make("f", "x", 0644);
  makeDirectory("d", 0755);
  need(symlink("f", "l") == 0 && mkfifo("p", 0600) == 0, "symlink");
  static const struct {
    const char *name;
    struct timespec times[2];
  } all[] = {
    {"seconds", {{5, 0}, {6, 0}}}, {"nanoseconds", {{1, 123456789}, {2, 987654321}}},
    {"omit the first", {{0, UTIME_OMIT}, {7, 8}}}, {"omit the second", {{9, 10}, {0, UTIME_OMIT}}},
    {"omit both", {{0, UTIME_OMIT}, {0, UTIME_OMIT}}}, {"now", {{0, UTIME_NOW}, {0, UTIME_NOW}}},
    {"now and omit", {{0, UTIME_NOW}, {0, UTIME_OMIT}}}, {"now and then", {{0, UTIME_NOW}, {3, 4}}},
    {"before 1970", {{-5, 500000000}, {-6, 1}}}, {"2038", {{0x80000000, 1}, {0x7fffffff, 2}}},
    {"2106", {{0x100000000, 1}, {0xffffffff, 2}}}, {"2446", {{0x37fffffff, 0}, {0x37fffffff, 9}}},
    {"after 2446", {{0x380000000, 0}, {0x7fffffffffff, 0}}},
    {"before 1901", {{-0x80000000LL, 0}, {-0x80000001LL, 0}}},
    {"too many nanoseconds", {{1, 1000000000}, {1, 0}}}, {"negative nanoseconds", {{1, -1}, {1, 0}}},
  };
  static const char *const files[] = {"f", "d", "p"};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    for (int f = 0; f < 3; f++) {
      char label[64];
      snprintf(label, sizeof label, "%s of %s", all[i].name, files[f]);
      done(label, utimensat(AT_FDCWD, files[f], all[i].times, 0));
      moments(label, files[f]);
    }
  }
  struct timespec then[2] = {{11, 12}, {13, 14}};
  done("of a link", utimensat(AT_FDCWD, "l", then, AT_SYMLINK_NOFOLLOW));
  moments("the link", "l");
  done("through a link", utimensat(AT_FDCWD, "l", then, 0));
  moments("the file", "f");
  int fd = get("f", O_RDONLY);
  done("futimens of a file open for reading", futimens(fd, then));
  done("now by no times", utimensat(AT_FDCWD, "f", NULL, 0));
  moments("then it is", "f");
  done("of nothing", utimensat(AT_FDCWD, "nothing", then, 0));
  done("with an unknown flag", utimensat(AT_FDCWD, "f", then, 1 << 20));
  done("of root's file to a time", utimensat(AT_FDCWD, "roots", then, 0));
  done("of root's file to now", utimensat(AT_FDCWD, "roots", NULL, 0));
  done("of a writable file to a time", utimensat(AT_FDCWD, "open", then, 0));
  done("of a writable file to now", utimensat(AT_FDCWD, "open", NULL, 0));
  struct timespec half[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
  done("of a writable file, one to now", utimensat(AT_FDCWD, "open", half, 0));
  struct stat before, after;
  static const char *const deeds[] = {
    "write", "chmod", "chown", "link", "rename", "truncate", "setxattr", "read", "ftruncate to its size",
    "truncate to its size", "open with O_TRUNC", "fallocate", "write of nothing",
  };
  for (int i = 0; i < 13; i++) {
    make("g", "text", 0644);
    need(utimensat(AT_FDCWD, "g", then, 0) == 0 && stat("g", &before) == 0, "stat");
    // Until the clock that files are stamped with has gone on.
    for (struct timespec now; clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0 &&
         now.tv_sec * 1000000000LL + now.tv_nsec <=
           before.st_ctim.tv_sec * 1000000000LL + before.st_ctim.tv_nsec + 10000000;) usleep(2000);
    char byte;
    int open = get("g", O_RDWR);
    switch (i) {
    case 0: need(write(open, "x", 1) == 1, "write"); break;
    case 1: need(chmod("g", 0600) == 0, "chmod"); break;
    case 2: need(chown("g", getuid(), getgid()) == 0, "chown"); break;
    case 3: need(link("g", "h") == 0 && unlink("h") == 0, "link"); break;
    case 4: need(rename("g", "h") == 0 && rename("h", "g") == 0, "rename"); break;
    case 5: need(truncate("g", 2) == 0, "truncate"); break;
    case 6: need(setxattr("g", "user.x", "1", 1, 0) == 0, "setxattr"); break;
    case 7: need(read(open, &byte, 1) == 1, "read"); break;
    case 8: need(ftruncate(open, 4) == 0, "ftruncate"); break;
    case 9: need(truncate("g", 4) == 0, "truncate"); break;
    case 10: close(get("g", O_WRONLY | O_TRUNC)); break;
    case 11: need(fallocate(open, 0, 0, 100) == 0, "fallocate"); break;
    default: need(write(open, "", 0) == 0, "write");
    }
    need(stat("g", &after) == 0, "stat");
    char label[64];
    snprintf(label, sizeof label, "%s changes", deeds[i]);
    say(label, "%s%s%s", after.st_atim.tv_sec != before.st_atim.tv_sec ? "atime " : "",
      after.st_mtim.tv_sec != before.st_mtim.tv_sec ? "mtime " : "",
      memcmp(&after.st_ctim, &before.st_ctim, sizeof after.st_ctim) ? "ctime" : "");
    close(open);
  }
}
