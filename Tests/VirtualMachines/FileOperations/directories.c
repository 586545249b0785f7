// Reading directories, while they change and while they are large.
#include "areas.h"

static int count(const char *path, int *duplicates) {
  DIR *directory = opendir(path);
  need(directory != NULL, path);
  static unsigned char seen[200000];
  memset(seen, 0, sizeof seen);
  int found = 0;
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (entry->d_name[0] == '.') continue;
    int number = atoi(entry->d_name + 1);
    if (number < 0 || number >= (int)sizeof seen) continue;
    if (seen[number]++ && duplicates) ++*duplicates;
    found++;
  }
  closedir(directory);
  return found;
}

static void fill(const char *path, int from, int to) {
  int directory = get(path, O_RDONLY | O_DIRECTORY);
  for (int i = from; i < to; i++) {
    char name[64];
    snprintf(name, sizeof name, "n%06d-with-a-longer-name", i);
    need(mknodat(directory, name, S_IFREG | 0644, 0) == 0, name);
  }
  close(directory);
}

static void empty(const char *path, int from, int to) {
  int directory = get(path, O_RDONLY | O_DIRECTORY);
  for (int i = from; i < to; i++) {
    char name[64];
    snprintf(name, sizeof name, "n%06d-with-a-longer-name", i);
    unlinkat(directory, name, 0);
  }
  close(directory);
}

void directories(void) {
  enum { FILES = 500 };
  makeDirectory("d", 0755);
  shape("an empty one", "d");
  value("entries of an empty one", count("d", NULL));
  fill("d", 0, FILES);
  int duplicates = 0;
  value("entries", count("d", &duplicates));
  value("twice", duplicates);
  makeDirectory("d/sub1", 0755);
  makeDirectory("d/sub2", 0755);
  shape("with two below", "d");
  need(symlink("x", "d/link") == 0 && mkfifo("d/fifo", 0644) == 0, "symlink");
  static const char *const special[] = {"sub1", "link", "fifo", "n000001-with-a-longer-name", ".", ".."};
  DIR *directory = opendir("d");
  for (struct dirent *entry; (entry = readdir(directory));) {
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
      if (strcmp(entry->d_name, special[i])) continue;
      char label[96];
      struct stat info;
      need(fstatat(dirfd(directory), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0, "stat");
      // Any order: sorted by the reader of these lines would be lost, so each has its name.
      snprintf(label, sizeof label, "entry %s", special[i]);
      char line[64];
      snprintf(line, sizeof line, "type %d inode %s", entry->d_type,
        entry->d_ino == info.st_ino ? "as stat" : "another");
      // Kept until all are known.
      char *kept = strdup(line);
      static char *lines[8];
      lines[i] = kept;
      if (lines[0] && lines[1] && lines[2] && lines[3] && lines[4] && lines[5]) {
        for (size_t k = 0; k < 6; k++) {
          snprintf(label, sizeof label, "entry %s", special[k]);
          say(label, "%s", lines[k]);
        }
        memset(lines, 0, sizeof lines);
      }
    }
  }
  // Positions: each leads to the entry that followed it.
  rewinddir(directory);
  long places[FILES + 16];
  ino_t inodes[FILES + 16];
  int total = 0;
  for (;;) {
    places[total] = telldir(directory);
    struct dirent *entry = readdir(directory);
    if (!entry) break;
    inodes[total++] = entry->d_ino;
    need(total < FILES + 15, "entries");
  }
  value("entries with . and ..", total);
  int wrong = 0;
  for (int i = total - 1; i >= 0; i -= 7) {
    seekdir(directory, places[i]);
    struct dirent *entry = readdir(directory);
    wrong += !entry || entry->d_ino != inodes[i];
  }
  for (int i = 0; i < total; i += 5) {
    seekdir(directory, places[i]);
    struct dirent *entry = readdir(directory);
    wrong += !entry || entry->d_ino != inodes[i];
  }
  value("wrong places", wrong);
  seekdir(directory, places[total]);
  say("at the end", "%s", readdir(directory) ? "more" : "nothing");
  rewinddir(directory);
  say("at the start again", "%s", readdir(directory) ? "more" : "nothing");
  fill("d", FILES, FILES + 10);
  rewinddir(directory);
  int all = 0;
  while (readdir(directory)) all++;
  value("rewinding sees new ones", all);
  closedir(directory);
  // While it changes: what is there all the time is told exactly once.
  directory = opendir("d");
  unsigned char seen[FILES];
  memset(seen, 0, sizeof seen);
  int step = 0;
  for (struct dirent *entry; (entry = readdir(directory)); step++) {
    int number = entry->d_name[0] == 'n' ? atoi(entry->d_name + 1) : FILES;
    if (number < FILES) seen[number]++;
    if (step % 50 == 10) {
      fill("d", 1000 + step, 1000 + step + 5);
      empty("d", 400 + step % 100, 400 + step % 100 + 3);
    }
  }
  closedir(directory);
  int once = 0;
  for (int i = 0; i < 400; i++) once += seen[i] == 1;
  value("told once while others come and go", once);
  directory = opendir("d");
  empty("d", 0, 10);
  while (readdir(directory));
  closedir(directory);
  directory = opendir("d");
  int left = 0;
  // The usual way to empty one.
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    int flags = entry->d_type == DT_DIR ? AT_REMOVEDIR : 0;
    left += unlinkat(dirfd(directory), entry->d_name, flags) < 0;
  }
  value("could not be removed", left);
  rewinddir(directory);
  all = 0;
  while (readdir(directory)) all++;
  value("left after removing each that was told", all);
  closedir(directory);
  done("rmdir then", rmdir("d"));
  char buffer[512];
  int fd = get(".", O_RDONLY | O_DIRECTORY);
  done("getdents into too little", syscall(SYS_getdents64, fd, buffer, 10));
  make("f", "x", 0644);
  done("getdents of a file", syscall(SYS_getdents64, get("f", O_RDONLY), buffer, sizeof buffer));
  value("lseek of a directory to the start", lseek(fd, 0, SEEK_SET));
  done("fsync of a directory", fsync(fd));
  opened("opendir of a file", open("f", O_RDONLY | O_DIRECTORY));
  makeDirectory("times", 0755);
  struct timespec old[2] = {{5, 0}, {5, 0}};
  static const char *const changes[] = {"create", "mkdir", "rename", "unlink", "rmdir"};
  for (int i = 0; i < 5; i++) {
    need(utimensat(AT_FDCWD, "times", old, 0) == 0, "utimensat");
    switch (i) {
    case 0: make("times/f", "x", 0644); break;
    case 1: mkdir("times/d", 0755); break;
    case 2: rename("times/f", "times/g"); break;
    case 3: unlink("times/g"); break;
    default: rmdir("times/d");
    }
    struct stat info;
    need(stat("times", &info) == 0, "stat");
    char label[64];
    snprintf(label, sizeof label, "%s changes the time", changes[i]);
    say(label, "%d", info.st_mtim.tv_sec > 5);
  }
}

void many(void) {
  const char *asked = getenv("ENTRIES");
  int entries = asked ? atoi(asked) : 100000;
  makeDirectory("d", 0755);
  fill("d", 0, entries);
  int duplicates = 0;
  say("all are listed", "%d", count("d", &duplicates) == entries);
  value("told twice", duplicates);
  DIR *directory = opendir("d");
  int seen = 0;
  for (struct dirent *entry; (entry = readdir(directory)) && seen < entries / 2;) seen++;
  empty("d", 0, entries / 2);
  while (readdir(directory)) seen++;
  closedir(directory);
  say("half of it removed meanwhile", "%d", count("d", NULL) == entries - entries / 2);
  empty("d", entries / 2, entries);
  value("left", count("d", NULL));
  done("rmdir", rmdir("d"));
}
