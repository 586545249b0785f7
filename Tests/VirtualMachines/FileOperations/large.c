// Files of some megabytes, which a guest with a DAX window maps instead of reading them.
#include "areas.h"
#include <setjmp.h>

enum { UNIT = 2 << 20, SIZE = 3 * UNIT + 1234 };

static sigjmp_buf back;

static void fault(int number) { siglongjmp(back, number); }

static void peek(const char *name, const char *memory) {
  int number = sigsetjmp(back, 1);
  if (number) return say(name, "%s", sigabbrev_np(number));
  say(name, "%d", *(volatile const char *)memory);
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
  return hash;
}

static void fill(uint8_t *bytes, size_t count, uint32_t seed) {
  for (size_t i = 0; i < count; i++) {
    seed = seed * 1664525 + 1013904223;
    bytes[i] = seed >> 24;
  }
}

// The whole of a file by read, in pieces of odd sizes.
static void byRead(const char *name, int fd) {
  static uint8_t buffer[77777];
  uint64_t hash = 0xcbf29ce484222325;
  long total = 0, count;
  need(lseek(fd, 0, SEEK_SET) == 0, "lseek");
  while ((count = read(fd, buffer, sizeof buffer)) > 0) {
    hash = mix(hash, buffer, count);
    total += count;
  }
  if (count < 0) return done(name, -1);
  say(name, "%ld bytes %016llx", total, (unsigned long long)hash);
}

static void byMapping(const char *name, int fd) {
  struct stat info;
  need(fstat(fd, &info) == 0, "fstat");
  void *memory = mmap(NULL, info.st_size, PROT_READ, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return done(name, -1);
  say(name, "%016llx", (unsigned long long)mix(0xcbf29ce484222325, memory, info.st_size));
  munmap(memory, info.st_size);
}

static void both(const char *name, int fd) {
  char text[128];
  snprintf(text, sizeof text, "%s, read", name);
  byRead(text, fd);
  snprintf(text, sizeof text, "%s, mapped", name);
  byMapping(text, fd);
}

// A file of this size, opened when the guest's kernel knows no more of its making.
static int made(const char *path, size_t size, uint32_t seed) {
  uint8_t *bytes = malloc(size);
  fill(bytes, size, seed);
  int fd = get(path, O_CREAT | O_TRUNC | O_RDWR);
  need(write(fd, bytes, size) == (ssize_t)size, path);
  close(fd);
  free(bytes);
  struct stat info;
  // What is told of it now is how it is used when it is opened next.
  need(stat(path, &info) == 0, path);
  need(stat(path, &info) == 0, path);
  return get(path, O_RDWR);
}

static void *whole(int fd, size_t size, int flags) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
  need(memory != MAP_FAILED, "mmap");
  return memory;
}

static void scribble(void *memory) { memset((char *)memory + UNIT - 10, 'c', 20); }

static void readAndWrite(void) {
  int fd = made("f", SIZE, 1);
  both("as made", fd);
  value("a write over a border", pwrite(fd, "0123456789", 10, UNIT - 5));
  value("a write over the end", pwrite(fd, "0123456789", 10, SIZE - 5));
  value("a write far behind", pwrite(fd, "end", 3, SIZE + 100000));
  both("written", fd);
  char text[64] = "";
  value("a read over the end", pread(fd, text, 20, SIZE + 99990));
  int appended = get("f", O_WRONLY | O_APPEND);
  value("append", write(appended, "more", 4));
  close(appended);
  shapeOf("its size", fd);
  both("appended", fd);
  done("fsync", fsync(fd));
  done("fdatasync", fdatasync(fd));
  close(fd);
}

static void mappings(void) {
  int fd = made("m", SIZE, 2), other = get("m", O_RDWR);
  uint8_t *shared = whole(fd, SIZE, MAP_SHARED), *private = whole(fd, SIZE, MAP_PRIVATE);
  char text[16] = "";
  memcpy(shared + UNIT - 4, "mapping", 7);
  value("read elsewhere", pread(other, text, 7, UNIT - 4));
  say("it is", "%.7s", text);
  value("written elsewhere", pwrite(other, "WRITTEN", 7, 2 * UNIT - 4));
  say("is mapped", "%.7s", shared + 2 * UNIT - 4);
  memcpy(private, "private", 7);
  value("read beside a private one", pread(other, text, 7, 0));
  say("private stays private", "%d", memcmp(text, "private", 7) != 0);
  value("a child", inChild(scribble, shared));
  say("writes to all", "%.4s", shared + UNIT - 2);
  done("msync", msync(shared, SIZE, MS_SYNC));
  both("after all", other);
  done("removed", unlink("m"));
  say("and there", "%.7s", shared + 2 * UNIT - 4);
  munmap(shared, SIZE);
  munmap(private, SIZE);
  close(fd);
  close(other);
}

static void sizes(void) {
  int fd = made("s", SIZE, 3);
  char *shared = whole(fd, 4 * UNIT, MAP_SHARED);
  peek("the first byte", shared);
  peek("the last byte", shared + SIZE - 1);
  peek("behind it", shared + SIZE);
  peek("the page behind it", shared + 3 * UNIT + 8192);
  done("shrink", ftruncate(fd, UNIT + 100));
  peek("within", shared + UNIT + 99);
  peek("behind", shared + UNIT + 100);
  peek("no more", shared + 2 * UNIT);
  both("shrunk", fd);
  done("grow", ftruncate(fd, 4 * UNIT));
  peek("empty", shared + 2 * UNIT);
  peek("empty behind the old end", shared + UNIT + 100);
  shared[3 * UNIT] = 'x';
  both("grown", fd);
  done("empty it", ftruncate(fd, 0));
  peek("nothing", shared);
  done("fallocate", fallocate(fd, 0, 0, SIZE));
  both("zeros", fd);
  munmap(shared, 4 * UNIT);
  close(fd);
}

static void holes_(void) {
  int fd = made("h", SIZE, 4);
  uint8_t *shared = whole(fd, SIZE, MAP_SHARED);
  peek("before", (char *)shared + UNIT + 5000);
  done("a hole", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, UNIT, 65536));
  peek("in it", (char *)shared + UNIT + 5000);
  shared[UNIT + 6000] = 'h';
  both("with a hole", fd);
  value("a written hole", pwrite(fd, "hole", 4, UNIT + 30000));
  both("filled", fd);
  munmap(shared, SIZE);
  close(fd);
}

// What is written comes from another file's mapping, and what is read goes to one.
static void betweenFiles(void) {
  int from = made("from", SIZE, 5), to = get("to", O_CREAT | O_TRUNC | O_RDWR);
  int small = made("small", 5000, 6), large = made("large", SIZE, 7);
  uint8_t *source = whole(from, SIZE, MAP_SHARED), *target = whole(large, SIZE, MAP_SHARED);
  value("append a mapping", write(to, source, SIZE));
  both("its copy", to);
  value("over the end of a file", pwrite(large, source + 100, 50000, SIZE - 100));
  value("into a mapping", pread(small, target + UNIT - 100, 5000, 0));
  int direct = open("small", O_RDONLY | O_DIRECT);
  value("bypassing the cache", pread(direct, target + 8192, 4096, 0));
  value("a mapping into itself", pwrite(large, target + 4096, 20000, UNIT + 10000));
  value("copy_file_range", copy_file_range(from, &(off_t){UNIT - 50}, large, &(off_t){99}, 4096, 0));
  both("the target", large);
  both("the source", from);
  munmap(source, SIZE);
  munmap(target, SIZE);
  close(from), close(to), close(small), close(large), close(direct);
}

// More than a small window holds, in an order of its own.
static void manyFiles(void) {
  enum { COUNT = 24, EACH = UNIT + 70000 };
  int files[COUNT];
  char name[16];
  uint64_t hash = 0xcbf29ce484222325;
  for (int i = 0; i < COUNT; i++) {
    snprintf(name, sizeof name, "n%d", i);
    files[i] = made(name, EACH, 100 + i);
  }
  uint32_t seed = 9;
  for (int i = 0; i < 2000; i++) {
    seed = seed * 1664525 + 1013904223;
    int file = files[(seed >> 8) % COUNT];
    off_t offset = (seed >> 10) % (EACH - 100);
    uint8_t bytes[100];
    need(pread(file, bytes, 100, offset) == 100, "pread");
    hash = mix(hash, bytes, 100);
    if (i % 3 == 0) need(pwrite(file, &hash, 8, offset) == 8, "pwrite");
  }
  say("many at random", "%016llx", (unsigned long long)hash);
  for (int i = 0; i < COUNT; i++) {
    snprintf(name, sizeof name, "file %d", i);
    byMapping(name, files[i]);
    close(files[i]);
    snprintf(name, sizeof name, "n%d", i);
    unlink(name);
  }
}

void large(void) {
  struct sigaction action = {.sa_handler = fault};
  sigaction(SIGBUS, &action, NULL);
  sigaction(SIGSEGV, &action, NULL);
  readAndWrite();
  mappings();
  sizes();
  holes_();
  betweenFiles();
  manyFiles();
}
