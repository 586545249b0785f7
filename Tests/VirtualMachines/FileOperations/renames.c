// rename, with all of its flags, and links of both kinds.
#include "areas.h"
#include <linux/fs.h>

static long rename2(const char *from, const char *to, unsigned flags) {
  return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

void prepareRename(void) {
  makeDirectory("foreign", 0755);
  make("foreign/file", "root's", 0644);
  makeDirectory("common", 0777);
  make("common/roots", "root's", 0644);
  makeDirectory("common/rootsDirectory", 0755);
}

void renames(void) {
  make("a", "one", 0644);
  make("b", "two", 0600);
  int held = get("b", O_RDWR);
  done("over a file", rename("a", "b"));
  content("what is there then", "b");
  shapeOf("the file that was there, still open", held);
  value("it can be written", pwrite(held, "held", 4, 0));
  done("of what is not there", rename("a", "c"));
  makeDirectory("d", 0755);
  makeDirectory("e", 0755);
  makeDirectory("full", 0755);
  make("full/file", "x", 0644);
  done("file over a directory", rename("b", "d"));
  done("directory over a file", rename("d", "b"));
  done("directory over an empty one", rename("d", "e"));
  done("directory over a full one", rename("e", "full"));
  done("full directory over an empty one", rename("full", "e"));
  content("its file came along", "e/file");
  makeDirectory("e/inner", 0755);
  done("directory into itself", rename("e", "e/self"));
  done("directory into one below", rename("e", "e/inner/self"));
  done("directory over its parent", rename("e/inner", "e"));
  done("to itself", rename("b", "b"));
  need(link("b", "hard") == 0, "link");
  done("over another link of it", rename("b", "hard"));
  shape("both links stay", "b");
  done("of .", rename(".", "x"));
  done("of ..", rename("e/..", "x"));
  done("to .", rename("b", "e/."));
  done("to ..", rename("b", "e/.."));
  done("across directories", rename("b", "e/inner/b"));
  makeDirectory("target", 0755);
  struct stat before, after;
  need(stat("e", &before) == 0, "stat");
  done("a directory to another parent", rename("e/inner", "target/inner"));
  need(stat("e", &after) == 0, "stat");
  value("links the old parent lost", (long)(before.st_nlink - after.st_nlink));
  shape("the new parent", "target");
  struct stat parent, target;
  need(stat("target/inner/..", &parent) == 0 && stat("target", &target) == 0, "stat");
  say("its .. is the new parent", "%d", parent.st_ino == target.st_ino);
  need(symlink("nowhere", "soft") == 0, "symlink");
  done("of a symbolic link", rename("soft", "softer"));
  shape("it is one still", "softer");
  done("over a symbolic link", rename("hard", "softer"));
  shape("it is a file then", "softer");
  make("m", "m", 0644);
  make("n", "n", 0644);
  done("NOREPLACE over a file", rename2("m", "n", RENAME_NOREPLACE));
  done("NOREPLACE to a new name", rename2("m", "o", RENAME_NOREPLACE));
  done("EXCHANGE of files", rename2("o", "n", RENAME_EXCHANGE));
  content("exchanged", "o");
  done("EXCHANGE of file and directory", rename2("o", "target", RENAME_EXCHANGE));
  shape("the file's name", "o");
  shape("the directory's name", "target");
  done("EXCHANGE back", rename2("target", "o", RENAME_EXCHANGE));
  done("EXCHANGE with nothing", rename2("o", "nothing", RENAME_EXCHANGE));
  done("EXCHANGE with its own directory", rename2("target/inner", "target", RENAME_EXCHANGE));
  done("EXCHANGE with itself", rename2("o", "o", RENAME_EXCHANGE));
  done("EXCHANGE and NOREPLACE", rename2("o", "n", RENAME_EXCHANGE | RENAME_NOREPLACE));
  done("an unknown flag", rename2("o", "n", 1u << 9));
  done("WHITEOUT", rename2("o", "p", RENAME_WHITEOUT));
  struct stat white;
  say("what WHITEOUT leaves", "%s",
    lstat("o", &white) == 0 && S_ISCHR(white.st_mode) && white.st_rdev == 0 ? "0:0" : "nothing");
  done("WHITEOUT and EXCHANGE", rename2("p", "n", RENAME_WHITEOUT | RENAME_EXCHANGE));
  done("to another file system", rename("n", OTHER_SYSTEM "/n"));
  done("from another file system", rename(OTHER_SYSTEM "/known", "known"));
  done("EXCHANGE with another file system", rename2("n", OTHER_SYSTEM "/known", RENAME_EXCHANGE));
  done("of a mount point", rename(OTHER_SYSTEM, "mount"));
  done("out of a foreign directory", rename("foreign/file", "mine"));
  done("into a foreign directory", rename("n", "foreign/n"));
  done("foreign file in a common directory", rename("common/roots", "common/new"));
  done("foreign directory to another parent", rename("common/rootsDirectory", "rootsDirectory"));
  done("over a foreign file", rename("target/inner/b", "foreign/file"));
  makeDirectory("emptied", 0755);
  make("emptied/x", "x", 0644);
  need(rename("emptied/x", "x") == 0, "rename");
  done("rmdir of what was emptied", rmdir("emptied"));
  struct timespec old[2] = {{5, 0}, {5, 0}};
  makeDirectory("dated", 0755);
  make("dated/x", "x", 0644);
  need(utimensat(AT_FDCWD, "dated", old, 0) == 0, "utimensat");
  need(rename("dated/x", "dated/y") == 0 && stat("dated", &after) == 0, "rename");
  say("the directory's time changes", "%d", after.st_mtim.tv_sec > 5);
  int directory = get("dated", O_RDONLY);
  need(rename("dated", "redated") == 0, "rename");
  opened("a directory that is open, renamed", openat(directory, "y", O_RDONLY));
  done("renameat by descriptor", renameat(directory, "y", AT_FDCWD, "y"));
  close(directory);
  close(held);
}

void prepareLinks(void) {
  make("roots", "root's", 0644);
  make("secret", "root's", 0600);
  makeDirectory("foreign", 0755);
}

void links(void) {
  make("a", "text", 0644);
  done("link", link("a", "b"));
  done("link to a name that is there", link("a", "b"));
  shape("two links", "a");
  struct stat one, two;
  need(stat("a", &one) == 0 && stat("b", &two) == 0, "stat");
  say("one inode", "%d", one.st_ino == two.st_ino && one.st_dev == two.st_dev);
  int fd = get("b", O_WRONLY | O_APPEND);
  need(write(fd, " more", 5) == 5, "write");
  close(fd);
  content("a write by one is seen by the other", "a");
  done("chmod by one", chmod("b", 0640));
  shape("mode by the other", "a");
  done("unlink of one", unlink("a"));
  shape("one link", "b");
  makeDirectory("d", 0755);
  done("link of a directory", link("d", "e"));
  done("link of nothing", link("nothing", "e"));
  done("link into nothing", link("b", "nothing/e"));
  done("link to another file system", link("b", OTHER_SYSTEM "/b"));
  done("link into a foreign directory", link("b", "foreign/b"));
  done("symlink", symlink("b", "s"));
  shape("a symlink", "s");
  done("link of a symlink", link("s", "t"));
  shape("a symlink with two names", "t");
  done("link of its target", linkat(AT_FDCWD, "s", AT_FDCWD, "u", AT_SYMLINK_FOLLOW));
  shape("the target's new name", "u");
  char path[64];
  fd = get("b", O_RDONLY);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  done("link of a descriptor by /proc", linkat(AT_FDCWD, path, AT_FDCWD, "v", AT_SYMLINK_FOLLOW));
  // Others may since Linux 6.10.
  if (getuid() == 0) done("link of an empty path", linkat(fd, "", AT_FDCWD, "w", AT_EMPTY_PATH));
  need(unlink("b") == 0 && unlink("u") == 0 && unlink("v") == 0, "unlink");
  unlink("w");
  done("link of what has no name", linkat(AT_FDCWD, path, AT_FDCWD, "x", AT_SYMLINK_FOLLOW));
  close(fd);
  done("linkat with an unknown flag", linkat(AT_FDCWD, "d", AT_FDCWD, "x", 1 << 20));
  char target[4200];
  memset(target, 't', sizeof target);
  target[4095] = 0;
  done("symlink of 4095 bytes", symlink(target, "long"));
  char read[4200];
  value("its length", readlink("long", read, sizeof read));
  shape("its shape", "long");
  opened("following it", open("long", O_RDONLY));
  target[4095] = 't';
  target[4096] = 0;
  done("symlink of 4096 bytes", symlink(target, "longer"));
  done("symlink to nothing at all", symlink("", "empty"));
  value("readlink into four bytes", readlink("long", read, 4));
  value("readlink into none", readlink("long", read, 0));
  value("readlink of a file", readlink("roots", read, 10));
  value("readlink of a directory", readlink("d", read, 10));
  value("readlink of nothing", readlink("nothing", read, 10));
  need(symlink("loop", "loop") == 0, "symlink");
  opened("a loop of one", open("loop", O_RDONLY));
  need(symlink("ping", "pong") == 0 && symlink("pong", "ping") == 0, "symlink");
  opened("a loop of two", open("ping", O_RDONLY));
  done("stat of a loop", access("ping", F_OK));
  shape("lstat of a loop", "ping");
  opened("create through a loop", open("ping", O_CREAT | O_WRONLY, 0644));
  char name[8] = "roots", next[8];
  for (int i = 0; i < 41; i++) {
    snprintf(next, sizeof next, "c%d", i);
    need(symlink(name, next) == 0, "symlink");
    strcpy(name, next);
  }
  opened("a chain of 40", open("c39", O_RDONLY));
  opened("a chain of 41", open("c40", O_RDONLY));
  opened("NOFOLLOW", open("c0", O_RDONLY | O_NOFOLLOW));
  opened("NOFOLLOW and O_PATH", open("c0", O_PATH | O_NOFOLLOW));
  need(symlink("d", "ds") == 0, "symlink");
  opened("link to a directory, NOFOLLOW", open("ds", O_RDONLY | O_NOFOLLOW | O_DIRECTORY));
  opened("link to a directory, NOFOLLOW, slash", open("ds/", O_RDONLY | O_NOFOLLOW | O_DIRECTORY));
  done("unlink of a link to a directory, slash", unlink("ds/"));
  done("rmdir of a link to a directory", rmdir("ds"));
  done("rmdir of a link to a directory, slash", rmdir("ds/"));
  done("mkdir over a dangling link", symlink("void", "dangling") < 0 ? -1 : mkdir("dangling", 0755));
  opened("open of a dangling link", open("dangling", O_RDONLY));
  opened("exclusive create of a dangling link", open("dangling", O_CREAT | O_EXCL | O_WRONLY, 0644));
  opened("create through a dangling link", open("dangling", O_CREAT | O_WRONLY, 0644));
  shape("what it made", "void");
  done("truncate through a link", truncate("dangling", 7));
  shape("its size then", "void");
  done("lchown", lchown("dangling", (uid_t)-1, getgid()));
  done("chmod through a link", chmod("dangling", 0604));
  shape("the mode is the target's", "void");
  done("fchmodat of a link", fchmodat(AT_FDCWD, "dangling", 0600, AT_SYMLINK_NOFOLLOW));
  opened("an absolute link", symlink("/proc/self/stat", "abs") < 0 ? -1 : open("abs", O_RDONLY));
  opened("a link upwards", symlink("../../../../../../../../../proc", "up") < 0 ? -1 : open("up", O_RDONLY));
  done("link of a foreign file", link("roots", "d/mine"));
  done("link of a file one can't read", link("secret", "d/secret"));
}
