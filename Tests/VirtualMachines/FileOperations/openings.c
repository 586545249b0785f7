// open and creat, files without a name, and O_TMPFILE.
#include "areas.h"
#include <sys/stat.h>

void prepareOpen(void) {
  make("roots", "root's", 0644);
  make("secret", "root's", 0600);
  makeDirectory("foreign", 0755);
  makeDirectory("closed", 0700);
  make("closed/file", "x", 0644);
}

static void each(const char *what, const char *path) {
  static const struct {
    const char *name;
    int flags;
  } ways[] = {
    {"read", O_RDONLY}, {"write", O_WRONLY}, {"both", O_RDWR}, {"neither", O_ACCMODE},
    {"directory", O_DIRECTORY}, {"nofollow", O_NOFOLLOW}, {"path", O_PATH | O_NOFOLLOW},
    {"truncate", O_WRONLY | O_TRUNC}, {"read and truncate", O_RDONLY | O_TRUNC},
    {"append", O_WRONLY | O_APPEND}, {"create", O_CREAT | O_RDWR},
    {"exclusive", O_CREAT | O_EXCL | O_RDWR}, {"create and directory", O_CREAT | O_DIRECTORY},
    {"noatime", O_RDONLY | O_NOATIME}, {"sync", O_WRONLY | O_SYNC}, {"direct", O_RDONLY | O_DIRECT},
  };
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    char label[128];
    snprintf(label, sizeof label, "%s, %s", what, ways[i].name);
    opened(label, open(path, ways[i].flags | O_NONBLOCK | O_CLOEXEC, 0644));
  }
}

void openings(void) {
  make("mine", "mine", 0644);
  makeDirectory("d", 0755);
  need(symlink("mine", "link") == 0 && symlink("d", "linkToDirectory") == 0, "symlink");
  need(mkfifo("fifo", 0644) == 0, "mkfifo");
  each("own file", "mine");
  each("directory", "d");
  each("symlink", "link");
  each("symlink to a directory", "linkToDirectory");
  each("root's file", "roots");
  each("root's secret file", "secret");
  each("foreign directory", "foreign/new");
  each("closed directory", "closed/file");
  each("fifo", "fifo");
  each("below a file", "mine/x");
  each("below nothing", "nothing/x");
  int fd = open("nobody", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0);
  done("create with mode 0", fd);
  value("write to it", write(fd, "text", 4));
  shapeOf("its shape", fd);
  opened("open it again", open("nobody", O_RDWR));
  close(fd);
  umask(077);
  opened("create with umask 077", open("masked", O_CREAT | O_WRONLY, 0666));
  shape("its mode", "masked");
  umask(0);
  opened("create with umask 0", open("unmasked", O_CREAT | O_WRONLY, 07777));
  shape("its mode then", "unmasked");
  done("mkdir with umask 0", mkdir("unmaskedDirectory", 07777));
  shape("its mode as a directory", "unmaskedDirectory");
  umask(022);
  fd = get("mine", O_RDWR);
  int path = get("mine", O_PATH);
  char byte;
  value("read of O_PATH", read(path, &byte, 1));
  value("write of O_PATH", write(path, "x", 1));
  done("fchmod of O_PATH", fchmod(path, 0600));
  done("fchown of O_PATH", fchown(path, -1, -1));
  done("fchownat of O_PATH", fchownat(path, "", -1, -1, AT_EMPTY_PATH));
  done("ftruncate of O_PATH", ftruncate(path, 0));
  done("fgetxattr of O_PATH", fgetxattr(path, "user.x", &byte, 1));
  done("fsync of O_PATH", fsync(path));
  done("ioctl of O_PATH", ioctl(path, FIONREAD, &byte));
  shapeOf("fstat of O_PATH", path);
  char name[64];
  snprintf(name, sizeof name, "/proc/self/fd/%d", path);
  opened("open of O_PATH by /proc", open(name, O_RDWR));
  done("chmod of O_PATH by /proc", chmod(name, 0600));
  int flags = fcntl(fd, F_GETFL);
  say("F_GETFL", "%#o", flags & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECT | O_PATH));
  done("F_SETFL append", fcntl(fd, F_SETFL, O_APPEND));
  value("a write then", pwrite(fd, "++", 2, 0));
  content("was appended", "mine");
  done("F_SETFL back", fcntl(fd, F_SETFL, 0));
  value("ftruncate of a file open for reading", ftruncate(get("mine", O_RDONLY), 1));
  opened("dup", dup(fd));
  done("read of a file open for writing", read(get("mine", O_WRONLY), &byte, 1));
  done("write to a file open for reading", write(get("mine", O_RDONLY), &byte, 1));
  done("read of a directory", read(get("d", O_RDONLY), &byte, 1));
  done("creat", creat("created", 0640));
  shape("by creat", "created");
  opened("reading what may only be written", chmod("created", 0200) < 0 ? -1 : open("created", O_RDONLY));
  opened("writing what may only be written", open("created", O_WRONLY));
  int directory = get("d", O_RDONLY | O_DIRECTORY);
  opened("openat of a directory", openat(directory, "inner", O_CREAT | O_RDWR, 0644));
  int place = get("d", O_PATH | O_DIRECTORY);
  opened("openat of O_PATH", openat(place, "inner", O_RDWR));
  done("mkdirat of O_PATH", mkdirat(place, "below", 0755));
  opened("openat of a file", openat(fd, "inner", O_RDONLY));
  done("lease for reading", fcntl(get("created", O_WRONLY), F_SETLEASE, F_RDLCK));
  close(fd);
}

void unlinked(void) {
  int fd = get("gone", O_CREAT | O_EXCL | O_RDWR);
  done("unlink while open", unlink("gone"));
  shapeOf("no links", fd);
  done("stat by name", access("gone", F_OK));
  value("write", write(fd, "hello", 5));
  char text[8] = "";
  value("read", pread(fd, text, 7, 0));
  say("what was read", "%s", text);
  done("ftruncate", ftruncate(fd, 2));
  done("fchmod", fchmod(fd, 0604));
  done("fchown", fchown(fd, getuid(), getgid()));
  done("fsetxattr", fsetxattr(fd, "user.x", "1", 1, 0));
  value("fgetxattr", fgetxattr(fd, "user.x", text, 8));
  struct timespec moment[2] = {{7, 8}, {9, 10}};
  done("futimens", futimens(fd, moment));
  struct stat info;
  need(fstat(fd, &info) == 0, "fstat");
  say("its times", "%ld.%09ld", (long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  shapeOf("its shape", fd);
  done("fallocate", fallocate(fd, 0, 0, 8192));
  done("fsync", fsync(fd));
  done("fdatasync", fdatasync(fd));
  void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  done("mmap", memory == MAP_FAILED ? -1 : 0);
  if (memory != MAP_FAILED) {
    memcpy(memory, "mapped", 6);
    done("msync", msync(memory, 4096, MS_SYNC));
    munmap(memory, 4096);
  }
  value("read of what was mapped", pread(fd, text, 6, 0));
  say("it is", "%s", text);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  opened("open by /proc", open(path, O_RDWR));
  done("link by /proc", linkat(AT_FDCWD, path, AT_FDCWD, "back", AT_SYMLINK_FOLLOW));
  opened("a new file of the name", open("gone", O_CREAT | O_EXCL | O_RDWR, 0644));
  struct stat fresh;
  need(stat("gone", &fresh) == 0, "stat");
  say("it is another inode", "%d", fresh.st_ino != info.st_ino);
  makeDirectory("directory", 0755);
  int directory = get("directory", O_RDONLY | O_DIRECTORY);
  done("rmdir while open", rmdir("directory"));
  shapeOf("no directory", directory);
  opened("create in it", openat(directory, "x", O_CREAT | O_RDWR, 0644));
  done("mkdir again", mkdir("directory", 0755));
  opened("the old one stays empty", openat(directory, "..", O_RDONLY));
  done("fchdir to it", fchdir(directory));
  done("chdir out of it", chdir(".."));
  need(mkfifo("pipe", 0644) == 0, "mkfifo");
  int pipe = get("pipe", O_RDWR | O_NONBLOCK);
  done("unlink of an open fifo", unlink("pipe"));
  value("it works on", write(pipe, "x", 1));
  shapeOf("fifo without a name", pipe);
  done("fchmod of a fifo without a name", fchmod(pipe, 0600));
  int one = get("twice", O_CREAT | O_RDWR);
  int two = get("twice", O_RDWR);
  need(unlink("twice") == 0, "unlink");
  need(pwrite(one, "shared", 6, 0) == 6, "write");
  memset(text, 0, sizeof text);
  value("two descriptors of one file without a name", pread(two, text, 6, 0));
  say("they share it", "%s", text);
}

void temporary(void) {
  int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  done("O_TMPFILE", fd);
  if (fd < 0) return;
  shapeOf("its shape", fd);
  value("write", write(fd, "temporary", 9));
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  done("link by /proc", linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  content("it has a name", "named");
  shapeOf("with one link", fd);
  done("link again", linkat(AT_FDCWD, path, AT_FDCWD, "second", AT_SYMLINK_FOLLOW));
  shape("with two links", "named");
  done("link over a name", linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  close(fd);
  fd = open(".", O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  done("exclusive", fd);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  done("link of an exclusive one", linkat(AT_FDCWD, path, AT_FDCWD, "other", AT_SYMLINK_FOLLOW));
  close(fd);
  opened("for reading alone", open(".", O_TMPFILE | O_RDONLY, 0600));
  opened("for writing alone", open(".", O_TMPFILE | O_WRONLY, 0600));
  make("file", "x", 0644);
  opened("in a file", open("file", O_TMPFILE | O_RDWR, 0600));
  opened("in nothing", open("nothing", O_TMPFILE | O_RDWR, 0600));
  opened("with O_CREAT", open(".", O_TMPFILE | O_CREAT | O_RDWR, 0600));
  umask(0);
  fd = open(".", O_TMPFILE | O_RDWR, 06777);
  shapeOf("without umask", fd);
  umask(022);
  makeDirectory("group", 02775);
  fd = open("group", O_TMPFILE | O_RDWR, 0664);
  shapeOf("in a directory with set-group-ID", fd);
  opened("on a read-only file system", open(READ_ONLY, O_TMPFILE | O_RDWR, 0600));
  value("nothing is listed", rmdir("group"));
}
