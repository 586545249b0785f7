// Metadata operations: metadata DIRECTORY COUNT prints one line each, "create", "stat", "readdir" and
// "unlink", with the nanoseconds that COUNT of them took.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static long long begun;
static int count;

static void begin(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  begun = time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void end(const char *what) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  printf("%s\t%d\t%lld\n", what, count, time.tv_sec * 1000000000LL + time.tv_nsec - begun);
}

static void fail(const char *what) {
  fprintf(stderr, "metadata: %s: %s\n", what, strerror(errno));
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 3 || mkdir(argv[1], 0755) < 0 || chdir(argv[1]) < 0) fail(argc > 1 ? argv[1] : "usage");
  count = atoi(argv[2]);
  char name[32];
  begin();
  for (int i = 0; i < count; i++) {
    snprintf(name, sizeof name, "file-%d", i);
    int file = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    if (file < 0) fail(name);
    close(file);
  }
  end("create");
  begin();
  for (int i = 0; i < count; i++) {
    struct stat status;
    snprintf(name, sizeof name, "file-%d", i);
    if (stat(name, &status) < 0) fail(name);
  }
  end("stat");
  begin();
  DIR *directory = opendir(".");
  if (!directory) fail(".");
  int seen = 0;
  for (struct dirent *entry; (entry = readdir(directory));) seen += *entry->d_name != '.';
  closedir(directory);
  if (seen != count) fail("readdir told another number of files");
  end("readdir");
  begin();
  for (int i = 0; i < count; i++) {
    snprintf(name, sizeof name, "file-%d", i);
    if (unlink(name) < 0) fail(name);
  }
  end("unlink");
  return chdir("..") < 0 || rmdir(argv[1]) < 0 ? 1 : 0;
}
