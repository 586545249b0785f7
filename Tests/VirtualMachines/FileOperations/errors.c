// What paths end in that lead nowhere, and a file system that is read-only.
#include "areas.h"
#include <linux/fs.h>

void prepareErrors(void) {
  makeDirectory("foreign", 0755);
  makeDirectory("foreign/inner", 0755);
  make("foreign/file", "x", 0644);
  makeDirectory("blind", 0111);
  make("blind/file", "x", 0644);
}

// Every operation that takes a path, on one that is in some way wrong.
static void every(const char *what, const char *path) {
  char label[128];
#define LABEL(verb) (snprintf(label, sizeof label, verb " %s", what), label)
  struct stat info;
  char buffer[64];
  done(LABEL("stat"), stat(path, &info));
  done(LABEL("lstat"), lstat(path, &info));
  opened(LABEL("open"), open(path, O_RDONLY | O_NONBLOCK));
  opened(LABEL("open for writing"), open(path, O_WRONLY | O_NONBLOCK));
  opened(LABEL("open a directory"), open(path, O_RDONLY | O_DIRECTORY));
  opened(LABEL("create exclusively"), open(path, O_CREAT | O_EXCL | O_WRONLY, 0644));
  done(LABEL("mkdir"), mkdir(path, 0755));
  done(LABEL("mknod"), mknod(path, S_IFREG | 0644, 0));
  done(LABEL("mkfifo"), mkfifo(path, 0644));
  done(LABEL("symlink"), symlink("x", path));
  done(LABEL("link to"), link("file", path));
  done(LABEL("link from"), link(path, "linked"));
  done(LABEL("rename to"), rename("renamed", path));
  done(LABEL("unlink"), unlink(path));
  done(LABEL("rmdir"), rmdir(path));
  done(LABEL("readlink"), readlink(path, buffer, sizeof buffer));
  done(LABEL("truncate"), truncate(path, 0));
  done(LABEL("chmod"), chmod(path, 0700));
  done(LABEL("chown"), chown(path, getuid(), getgid()));
  done(LABEL("utimens"), utimensat(AT_FDCWD, path, NULL, 0));
  done(LABEL("access"), access(path, R_OK));
  int place = get(".", O_PATH);
  done(LABEL("chdir"), chdir(path));
  need(fchdir(place) == 0, "fchdir");
  close(place);
  done(LABEL("setxattr"), setxattr(path, "user.x", "1", 1, 0));
  done(LABEL("getxattr"), getxattr(path, "user.y", buffer, sizeof buffer));
  done(LABEL("listxattr"), listxattr(path, NULL, 0) < 0 ? -1 : 0);
  done(LABEL("rename from"), rename(path, "stolen"));
#undef LABEL
}

void errors(void) {
  make("file", "x", 0644);
  need(symlink("loop", "loop") == 0 && symlink("nowhere", "dangling") == 0, "symlink");
  every("nothing", "nothing/x");
  every("below a file", "file/x");
  every("below a loop", "loop/x");
  every("a loop", "loop");
  need(unlink("stolen") == 0 || errno == ENOENT, "unlink");
  every("below a dangling link", "dangling/x");
  every("a foreign directory's new name", "foreign/x");
  every("below a directory without permission", "blind/nothing");
  every("the address 1", (const char *)1);
  makeDirectory("full", 0755);
  make("full/file", "x", 0644);
  done("rmdir of a full directory", rmdir("full"));
  done("unlink of a directory", unlink("full"));
  done("rmdir of a file", rmdir("file"));
  done("rmdir of a foreign directory", rmdir("foreign/inner"));
  done("unlink of a foreign file", unlink("foreign/file"));
  done("rmdir of a mount point", rmdir(OTHER_SYSTEM));
  done("unlink of a mount point", unlink(OTHER_SYSTEM));
  done("mkdir of what is there", mkdir("full", 0755));
  done("mkdir of a file that is there", mkdir("file", 0755));
  done("symlink to what is there", symlink("x", "file"));
  done("mknod of what is there", mknod("file", S_IFREG | 0644, 0));
  opened("open a directory for writing", open("full", O_WRONLY));
  opened("create a directory's name", open("full", O_CREAT | O_WRONLY, 0644));
  opened("a file as a directory", open("file", O_RDONLY | O_DIRECTORY));
  done("chdir to a file", chdir("file"));
  done("mknod of an unknown kind", mknod("odd", 0170000 | 0644, 0));
  done("mknod of a directory", mknod("odd", S_IFDIR | 0755, 0));
  done("mknod of a link", mknod("odd", S_IFLNK | 0777, 0));
  done("chroot", getuid() ? chroot(".") : 0);
}

void readOnly(void) {
  need(chdir(READ_ONLY) == 0, READ_ONLY);
  content("read", "known");
  every("a read-only file", "known");
  every("a read-only new name", "fresh");
  every("a read-only directory", "directory");
  struct timespec then[2] = {{1, 2}, {3, 4}};
  done("times of a file", utimensat(AT_FDCWD, "known", then, 0));
  done("access for writing", access("known", W_OK));
  opened("truncate while opening", open("known", O_RDONLY | O_TRUNC));
  opened("append", open("known", O_WRONLY | O_APPEND));
  opened("create what is there", open("known", O_CREAT | O_RDONLY, 0644));
  opened("create what is there for writing", open("known", O_CREAT | O_RDWR, 0644));
  int fd = get("known", O_RDONLY);
  done("fchmod", fchmod(fd, 0600));
  done("fchown", fchown(fd, getuid(), getgid()));
  done("ftruncate", ftruncate(fd, 0));
  done("fallocate", fallocate(fd, 0, 0, 10));
  done("futimens", futimens(fd, NULL));
  done("fsetxattr", fsetxattr(fd, "user.x", "1", 1, 0));
  done("fremovexattr", fremovexattr(fd, "user.x"));
  done("fsync", fsync(fd));
  void *memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
  done("map", memory == MAP_FAILED ? -1 : 0);
  done("make it writable", mprotect(memory, 4096, PROT_READ | PROT_WRITE));
  done("exchange", syscall(SYS_renameat2, AT_FDCWD, "known", AT_FDCWD, "directory", RENAME_EXCHANGE));
  opened("a fifo for writing", open("fifo", O_RDWR | O_NONBLOCK));
  opened("a device", open("null", O_WRONLY));
  shape("nothing changed", "known");
}
