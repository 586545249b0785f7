// Names and paths: their lengths, their bytes, and what they lead through.
#include "areas.h"
#include <linux/openat2.h>

void names(void) {
  char name[300];
  memset(name, 'n', sizeof name);
  name[255] = 0;
  opened("create with 255 bytes", open(name, O_CREAT | O_RDWR, 0644));
  opened("open with 255 bytes", open(name, O_RDONLY));
  shape("stat of 255 bytes", name);
  char other[300];
  memset(other, 'm', sizeof other);
  other[255] = 0;
  done("rename to 255 bytes", rename(name, other));
  done("unlink of 255 bytes", unlink(other));
  name[255] = 'n';
  name[256] = 0;
  opened("create with 256 bytes", open(name, O_CREAT | O_RDWR, 0644));
  opened("open with 256 bytes", open(name, O_RDONLY));
  done("mkdir with 256 bytes", mkdir(name, 0755));
  done("symlink with 256 bytes", symlink("x", name));
  done("mknod with 256 bytes", mknod(name, S_IFREG | 0644, 0));
  make("short", "text", 0644);
  done("rename to 256 bytes", rename("short", name));
  done("link to 256 bytes", link("short", name));
  done("unlink of 256 bytes", unlink(name));
  done("rmdir of 256 bytes", rmdir(name));
  done("stat of 256 bytes", access(name, F_OK));
  static const char *const odd[] = {
    " ", "a b", "*", "-x", "\x01", "new\nline", "tab\t", "\xff\xfe", "\xc3\xa4", "...", "..a", ".a",
    "~", "$HOME", "\"", "\\", "con", "a:b", "%s",
  };
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
    char label[64];
    snprintf(label, sizeof label, "odd name %zu", i);
    int fd = open(odd[i], O_CREAT | O_EXCL | O_WRONLY, 0600);
    opened(label, fd);
  }
  int found = 0;
  DIR *directory = opendir(".");
  for (struct dirent *entry; (entry = readdir(directory));) {
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) found += !strcmp(entry->d_name, odd[i]);
  }
  closedir(directory);
  value("odd names listed", found);
  make("Case", "upper", 0644);
  make("case", "lower", 0644);
  content("names differ by case", "Case");
  opened("an empty name", open("", O_RDONLY));
  done("stat of an empty name", access("", F_OK));
  done("unlink of an empty name", unlink(""));
  done("mkdir of an empty name", mkdir("", 0755));
  done("rename of an empty name", rename("", "x"));
  done("rename to an empty name", rename("short", ""));
  makeDirectory("d", 0755);
  opened("a file with a slash behind", open("short/", O_RDONLY));
  done("stat of a file with a slash behind", access("short/", F_OK));
  opened("create with a slash behind", open("fresh/", O_CREAT | O_RDWR, 0644));
  done("mknod with a slash behind", mknod("fresh/", S_IFREG | 0644, 0));
  done("mkdir with a slash behind", mkdir("made/", 0755));
  done("rename of a directory with slashes", rename("made/", "moved/"));
  done("rename of a file to a slash", rename("short", "elsewhere/"));
  done("unlink of a file with a slash", unlink("short/"));
  done("rmdir with a slash", rmdir("moved/"));
  done("symlink with a slash", symlink("x", "fresh/"));
  done("link with a slash", link("short", "fresh/"));
  done("rmdir of .", rmdir("d/."));
  done("rmdir of ..", rmdir("d/.."));
  done("rmdir of . alone", rmdir("."));
  done("unlink of .", unlink("d/."));
  done("unlink of ..", unlink("d/.."));
  done("mkdir of .", mkdir("d/.", 0755));
  done("mkdir of ..", mkdir("d/..", 0755));
  opened("open of .", open("d/.", O_RDONLY));
  opened("open of .. from below", open("d/..", O_RDONLY));
  opened("many slashes", open(".//d///..////short", O_RDONLY));
  opened("through . and ..", open("./d/./../d/../short", O_RDONLY));
  opened("create of .", open("d/.", O_CREAT | O_RDWR, 0644));
  opened("create of ..", open("d/..", O_CREAT | O_RDWR, 0644));
}

// Goes down `depth` directories named `name`, one after another.
static int descend(const char *name, int depth) {
  int directory = get(".", O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < depth; i++) {
    if (mkdirat(directory, name, 0755) < 0 && errno != EEXIST) return -1;
    int next = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(directory);
    if (next < 0) return -1;
    directory = next;
  }
  return directory;
}

void paths(void) {
  char path[4200];
  memset(path, 0, sizeof path);
  make("file", "text", 0644);
  // "./././…/file" of exactly 4095 bytes, and of one more.
  for (int i = 0; i < 4095 - 5; i += 2) memcpy(path + i, "./", 2);
  path[4090] = 0;
  strcat(path, "/file");
  value("length of the longest path", (long)strlen(path));
  opened("a path of 4095 bytes", open(path, O_RDONLY));
  strcpy(path + 4090, "//file");
  opened("a path of 4096 bytes", open(path, O_RDONLY));
  done("mkdir of a path of 4096 bytes", mkdir(path, 0755));
  char name[201];
  memset(name, 'p', 200);
  name[200] = 0;
  int deep = descend(name, 30);
  done("a directory 6000 bytes down", deep);
  int fd = openat(deep, "file", O_CREAT | O_RDWR, 0644);
  done("create in it", fd);
  done("write in it", write(fd, "deep", 4));
  close(fd);
  done("enter it", fchdir(deep));
  errno = 0;
  // The system call's own answer; the library would go on by reading directories.
  char place[4096];
  done("getcwd there", syscall(SYS_getcwd, place, sizeof place));
  content("read by a relative name", "file");
  opened("open of .. there", open("..", O_RDONLY));
  struct stat here, above;
  need(fstat(deep, &here) == 0 && stat("..", &above) == 0, "stat");
  say("it is not its parent", "%d", here.st_ino != above.st_ino);
  makeDirectory("gone", 0755);
  need(chdir("gone") == 0, "chdir");
  done("remove the own directory", rmdir("../gone"));
  done("getcwd of a removed directory", syscall(SYS_getcwd, place, sizeof place));
  opened("create in a removed directory", open("x", O_CREAT | O_RDWR, 0644));
  done("mkdir in a removed directory", mkdir("x", 0755));
  opened("open of . in a removed directory", open(".", O_RDONLY));
  shape("stat of . in a removed directory", ".");
  done("symlink in a removed directory", symlink("x", "y"));
  DIR *directory = opendir(".");
  errno = 0;
  say("entries of a removed directory", "%s", directory && readdir(directory) ? "some" : "none");
  if (directory) closedir(directory);
  need(fchdir(deep) == 0, "fchdir");
  struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
  opened("openat2 beneath", (int)syscall(SYS_openat2, deep, "file", &how, sizeof how));
  opened("openat2 beneath, leaving", (int)syscall(SYS_openat2, deep, "../x", &how, sizeof how));
  how.resolve = RESOLVE_IN_ROOT;
  opened("openat2 in the root, leaving", (int)syscall(SYS_openat2, deep, "../../file", &how, sizeof how));
  need(symlink("file", "link") == 0, "symlink");
  how.resolve = RESOLVE_NO_SYMLINKS;
  opened("openat2 without links", (int)syscall(SYS_openat2, deep, "link", &how, sizeof how));
  how.resolve = RESOLVE_NO_XDEV;
  opened("openat2 on one file system", (int)syscall(SYS_openat2, deep, "link", &how, sizeof how));
  opened("openat2 to another file system",
    (int)syscall(SYS_openat2, AT_FDCWD, OTHER_SYSTEM, &how, sizeof how));
  how.resolve = 1 << 20;
  opened("openat2 with an unknown flag", (int)syscall(SYS_openat2, deep, "link", &how, sizeof how));
}
