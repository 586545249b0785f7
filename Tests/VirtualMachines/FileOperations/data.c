// Reading and writing, holes, appending.
#include "areas.h"
#include <sys/resource.h>
#include <sys/uio.h>

void data(void) {
  int fd = get("f", O_CREAT | O_RDWR);
  char text[64] = "";
  value("read of an empty file", read(fd, text, 10));
  value("write", write(fd, "0123456789", 10));
  value("write of nothing", write(fd, "", 0));
  value("pread", pread(fd, text, 4, 3));
  value("pread at the end", pread(fd, text, 4, 10));
  value("pread across the end", pread(fd, text, 10, 6));
  value("pread beyond", pread(fd, text, 4, 1 << 20));
  value("pread at -1", pread(fd, text, 4, -1));
  value("pread far beyond", pread(fd, text, 4, (off_t)1 << 62));
  value("pwrite at -1", pwrite(fd, "x", 1, -1));
  value("pwrite at the largest offset", pwrite(fd, "xy", 2, INT64_MAX));
  value("pwrite beyond", pwrite(fd, "end", 3, 100));
  value("size then", lseek(fd, 0, SEEK_END));
  need(pread(fd, text, 5, 50) == 5, "pread");
  say("zeros between", "%d", text[0] == 0 && text[4] == 0);
  struct iovec parts[3] = {{"ab", 2}, {"", 0}, {"cde", 3}};
  value("writev", pwritev(fd, parts, 3, 0));
  char one[2], two[3];
  struct iovec rooms[2] = {{one, 2}, {two, 3}};
  value("readv", preadv(fd, rooms, 2, 0));
  say("scattered", "%.2s %.3s", one, two);
  value("readv of too many", preadv(fd, rooms, 2000, 0));
  value("a write from nowhere", pwrite(fd, (void *)1, 10, 0));
  value("a read to nowhere", pread(fd, (void *)1, 10, 0));
  value("pwritev2 append", pwritev2(fd, parts, 1, 0, RWF_APPEND));
  value("size after it", lseek(fd, 0, SEEK_END));
  value("pwritev2 sync", pwritev2(fd, parts, 1, 0, RWF_DSYNC));
  value("pwritev2 of an unknown flag", pwritev2(fd, parts, 1, 0, 1 << 20));
  value("lseek to the start", lseek(fd, 0, SEEK_SET));
  value("lseek to -1", lseek(fd, -1, SEEK_SET));
  value("lseek by 5", lseek(fd, 5, SEEK_CUR));
  value("lseek by -6", lseek(fd, -6, SEEK_CUR));
  value("lseek beyond the end", lseek(fd, 1000, SEEK_END));
  value("lseek of an unknown kind", lseek(fd, 0, 99));
  value("lseek too far", lseek(fd, INT64_MAX, SEEK_END));
  done("ftruncate shorter", ftruncate(fd, 3));
  done("ftruncate longer", ftruncate(fd, 20));
  content("zeros behind", "f");
  done("ftruncate to -1", ftruncate(fd, -1));
  done("ftruncate too long", ftruncate(fd, INT64_MAX));
  done("truncate", truncate("f", 5));
  shape("its size", "f");
  done("truncate of a directory", truncate(".", 0));
  done("truncate of nothing", truncate("nothing", 0));
  need(mkfifo("p", 0600) == 0, "mkfifo");
  done("truncate of a fifo", truncate("p", 0));
  struct rlimit limit, small = {8192, 8192};
  need(getrlimit(RLIMIT_FSIZE, &limit) == 0, "getrlimit");
  small.rlim_max = limit.rlim_max;
  need(setrlimit(RLIMIT_FSIZE, &small) == 0, "setrlimit");
  // Told when the limit is gone: it is also that of what these lines go to.
  long results[4];
  int numbers[4];
  for (int i = 0; i < 4; i++) {
    results[i] = i == 0 ? pwrite(fd, text, 64, 8190) : i == 1 ? pwrite(fd, text, 64, 8192)
      : i == 2 ? ftruncate(fd, 8193) : fallocate(fd, 0, 8192, 10);
    numbers[i] = errno;
  }
  need(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
  static const char *const limited[] = {
    "a write across the file size limit", "a write at the file size limit",
    "ftruncate over the file size limit", "fallocate over the file size limit",
  };
  for (int i = 0; i < 4; i++) {
    errno = numbers[i];
    value(limited[i], results[i]);
  }
  // Large transfers, at odd offsets, against a second copy.
  size_t size = 3 << 20;
  char *pattern = malloc(size), *back = malloc(size);
  need(pattern && back, "malloc");
  uint32_t state = 1;
  for (size_t i = 0; i < size; i++) pattern[i] = (char)((state = state * 1664525 + 1013904223) >> 24);
  int big = get("big", O_CREAT | O_RDWR);
  value("write of 3 MiB at 777", pwrite(big, pattern, size, 777));
  value("read of it", pread(big, back, size, 777));
  say("the same", "%d", memcmp(pattern, back, size) == 0);
  for (int i = 0; i < 200; i++) {
    state = state * 1664525 + 1013904223;
    size_t at = state % (size - 70000), length = state >> 16;
    need(pwrite(big, pattern + length, length, 777 + (off_t)at) == (ssize_t)length, "pwrite");
    memmove(back + at, pattern + length, length);
  }
  char *again = malloc(size);
  need(again && pread(big, again, size, 777) == (ssize_t)size, "pread");
  say("the same after 200 writes", "%d", memcmp(again, back, size) == 0);
  shape("its shape", "big");
  value("readahead", readahead(big, 0, 1 << 20));
  value("fadvise", posix_fadvise(big, 0, 0, POSIX_FADV_DONTNEED));
  need(pread(big, again, size, 777) == (ssize_t)size, "pread");
  say("the same from the disk", "%d", memcmp(again, back, size) == 0);
}

static void blocks(const char *name, int fd) {
  struct stat info;
  need(fsync(fd) == 0 && fstat(fd, &info) == 0, "fstat");
  // What the file system needs beside the data is its own matter.
  say(name, "%lld bytes, about %lld KiB used", (long long)info.st_size,
    (long long)info.st_blocks / 64 * 32);
}

void holes(void) {
  int fd = get("f", O_CREAT | O_RDWR);
  char page[4096];
  memset(page, 'x', sizeof page);
  done("ftruncate to 1 MiB", ftruncate(fd, 1 << 20));
  blocks("nothing is used", fd);
  value("SEEK_DATA in nothing", lseek(fd, 0, SEEK_DATA));
  value("SEEK_HOLE in nothing", lseek(fd, 0, SEEK_HOLE));
  need(pwrite(fd, page, 4096, 512 << 10) == 4096, "pwrite");
  blocks("one page is used", fd);
  value("SEEK_DATA", lseek(fd, 0, SEEK_DATA));
  value("SEEK_HOLE from data", lseek(fd, 512 << 10, SEEK_HOLE));
  value("SEEK_DATA within data", lseek(fd, (512 << 10) + 5, SEEK_DATA));
  value("SEEK_DATA behind it", lseek(fd, 600 << 10, SEEK_DATA));
  value("SEEK_HOLE at the end", lseek(fd, 1 << 20, SEEK_HOLE));
  value("SEEK_DATA at the end", lseek(fd, 1 << 20, SEEK_DATA));
  value("SEEK_DATA at -1", lseek(fd, -1, SEEK_DATA));
  done("fallocate", fallocate(fd, 0, 0, 2 << 20));
  blocks("allocated", fd);
  done("fallocate and keep the size", fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 3 << 20));
  blocks("allocated behind the end", fd);
  done("punch a hole",
    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 512 << 10, 4096));
  need(pread(fd, page, 4096, 512 << 10) == 4096, "pread");
  say("zeros in it", "%d", page[0] == 0 && page[4095] == 0);
  done("punch without keeping the size", fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096));
  done("punch a part of a page",
    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 100));
  done("zero a range", fallocate(fd, FALLOC_FL_ZERO_RANGE, 4096, 8192));
  done("zero a range and keep the size",
    fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, 4 << 20));
  shapeOf("size after it", fd);
  done("zero a range behind the end", fallocate(fd, FALLOC_FL_ZERO_RANGE, 4 << 20, 4096));
  shapeOf("size after that", fd);
  done("collapse", fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096));
  done("insert", fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, 4096));
  done("an unknown mode", fallocate(fd, 1 << 20, 0, 4096));
  done("of no length", fallocate(fd, 0, 0, 0));
  done("at -1", fallocate(fd, 0, -1, 4096));
  done("too far", fallocate(fd, 0, INT64_MAX - 4096, 8192));
  int reading = get("f", O_RDONLY);
  done("of a file open for reading", fallocate(reading, 0, 0, 4096));
  done("of a directory", fallocate(get(".", O_RDONLY), 0, 0, 4096));
  int ends[2];
  need(pipe(ends) == 0, "pipe");
  done("of a pipe", fallocate(ends[1], 0, 0, 4096));
  value("posix_fallocate", posix_fallocate(fd, 0, 5 << 20));
  shapeOf("size at the end", fd);
  // What was cut off does not come back.
  need(pwrite(fd, "visible", 7, 0) == 7 && ftruncate(fd, 2) == 0 && ftruncate(fd, 7) == 0, "cut");
  content("cut off and grown again", "f");
}

typedef struct {
  int fd;
  char letter;
} Writer;

static void writeMany(void *argument) {
  Writer *writer = argument;
  char line[64];
  for (int i = 0; i < 400; i++) {
    int length = snprintf(line, sizeof line, "%c%06d-----------------\n", writer->letter, i);
    need(write(writer->fd, line, (size_t)length) == length, "write");
  }
}

void append(void) {
  int one = get("f", O_CREAT | O_WRONLY | O_APPEND);
  int two = get("f", O_WRONLY | O_APPEND);
  int plain = get("f", O_RDWR);
  value("first", write(one, "one ", 4));
  value("second", write(two, "two ", 4));
  value("first again", write(one, "one ", 4));
  value("the position is the end", lseek(one, 0, SEEK_CUR));
  value("pwrite at 0 is appended", pwrite(one, "end ", 4, 0));
  value("without the flag it is not", pwrite(plain, "ONE", 3, 0));
  content("content", "f");
  done("flag set later", fcntl(plain, F_SETFL, O_APPEND));
  value("write then", write(plain, "late", 4));
  content("content then", "f");
  done("truncate", ftruncate(one, 0));
  value("write to nothing", write(one, "new", 3));
  content("content at last", "f");
  int both = get("two", O_CREAT | O_WRONLY | O_APPEND);
  Writer writer = {get("two", O_WRONLY | O_APPEND), 'c'};
  pid_t pid = fork();
  need(pid >= 0, "fork");
  if (pid == 0) {
    writeMany(&writer);
    _exit(0);
  }
  Writer own = {both, 'p'};
  writeMany(&own);
  int status;
  need(waitpid(pid, &status, 0) == pid && status == 0, "waitpid");
  shape("two writers", "two");
  FILE *stream = fopen("two", "re");
  int lines[2] = {0, 0}, bad = 0;
  for (char line[64]; stream && fgets(line, sizeof line, stream);) {
    int which = line[0] == 'c';
    bad += strlen(line) != 25 || atoi(line + 1) != lines[which];
    lines[which]++;
  }
  say("whole lines in order", "%d and %d, %d bad", lines[0], lines[1], bad);
  // One writer without the flag at its own place meanwhile.
  need(pwrite(plain, "x", 1, 0) == 1, "pwrite");
  int parts = get("parts", O_CREAT | O_RDWR);
  Writer halves[2] = {{parts, 'a'}, {parts, 'b'}};
  pid = fork();
  if (pid == 0) {
    writeMany(&halves[0]);
    _exit(0);
  }
  writeMany(&halves[1]);
  need(waitpid(pid, &status, 0) == pid, "waitpid");
  value("one position for two processes", lseek(parts, 0, SEEK_CUR));
  shape("nothing is lost", "parts");
}
