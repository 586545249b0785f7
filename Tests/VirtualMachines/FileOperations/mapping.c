// Files in memory: shared and private mappings, and the same files read and written.
#include "areas.h"
#include <setjmp.h>

static sigjmp_buf back;

static void fault(int number) { siglongjmp(back, number); }

// Reads a byte; the name of the signal where that ends in one.
static void peek(const char *name, const char *memory) {
  int number = sigsetjmp(back, 1);
  if (number) return say(name, "%s", sigabbrev_np(number));
  say(name, "%d", *(volatile const char *)memory);
}

static void poke(const char *name, char *memory) {
  int number = sigsetjmp(back, 1);
  if (number) return say(name, "%s", sigabbrev_np(number));
  *(volatile char *)memory = 'p';
  say(name, "ok");
}

static void *map(const char *name, int fd, size_t size, int protection, int flags) {
  void *memory = mmap(NULL, size, protection, flags, fd, 0);
  done(name, memory == MAP_FAILED ? -1 : 0);
  return memory == MAP_FAILED ? NULL : memory;
}

static void writeByChild(void *memory) { memcpy(memory, "child", 5); }

void mapping(void) {
  struct sigaction action = {.sa_handler = fault};
  sigaction(SIGBUS, &action, NULL);
  sigaction(SIGSEGV, &action, NULL);
  char text[64] = "";
  int fd = get("f", O_CREAT | O_RDWR);
  need(ftruncate(fd, 10000) == 0, "ftruncate");
  char *shared = map("shared", fd, 16384, PROT_READ | PROT_WRITE, MAP_SHARED);
  if (!shared) return;
  memcpy(shared, "hello", 5);
  value("read what was mapped", pread(fd, text, 5, 0));
  say("it is", "%.5s", text);
  memcpy(shared + 9990, "0123456789", 10);
  done("msync", msync(shared, 16384, MS_SYNC));
  value("the last bytes", pread(fd, text, 64, 9990));
  value("a write", pwrite(fd, "write", 5, 100));
  say("is mapped", "%.5s", shared + 100);
  peek("behind the end, in its page", shared + 10001);
  poke("written behind the end", shared + 10002);
  peek("in the page behind the end", shared + 12288);
  shapeOf("the size stays", fd);
  done("grow", ftruncate(fd, 16384));
  peek("what was written behind the end is gone", shared + 10002);
  peek("then it is there", shared + 12288);
  poke("and can be written", shared + 12289);
  done("shrink", ftruncate(fd, 4096));
  peek("then it is not", shared + 8192);
  done("msync with nothing behind", msync(shared, 4096, MS_SYNC));
  done("grow again", ftruncate(fd, 16384));
  peek("and is empty", shared + 12289);
  char *private = map("private", fd, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  memcpy(private, "priv", 4);
  value("not in the file", pread(fd, text, 5, 0));
  say("which has", "%.5s", text);
  memcpy(shared, "other", 5);
  say("nor the other way round", "%.4s", private);
  say("but elsewhere", "%.5s", private + 100);
  int code = inChild(writeByChild, shared + 200);
  say("by a child", "%d %.5s", code, shared + 200);
  value("and in the file", pread(fd, text, 5, 200));
  say("there", "%.5s", text);
  int reading = get("f", O_RDONLY);
  char *fixed = map("for reading", reading, 4096, PROT_READ, MAP_SHARED);
  poke("written all the same", fixed);
  done("made writable", mprotect(fixed, 4096, PROT_READ | PROT_WRITE));
  map("shared for writing, open for reading", reading, 4096, PROT_READ | PROT_WRITE, MAP_SHARED);
  map("private for writing, open for reading", reading, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  map("open for writing alone", get("f", O_WRONLY), 4096, PROT_READ, MAP_SHARED);
  map("open for appending", get("f", O_RDWR | O_APPEND), 4096, PROT_READ | PROT_WRITE, MAP_SHARED);
  map("a directory", get(".", O_RDONLY), 4096, PROT_READ, MAP_SHARED);
  map("O_PATH", get("f", O_PATH), 4096, PROT_READ, MAP_SHARED);
  map("of no size", fd, 0, PROT_READ, MAP_SHARED);
  map("to be executed", reading, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE);
  done("at an odd offset", mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 5) == MAP_FAILED ? -1 : 0);
  map("with MAP_SYNC", fd, 4096, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC);
  map("with MAP_POPULATE", fd, 16384, PROT_READ, MAP_SHARED | MAP_POPULATE);
  int append = get("f", O_RDWR | O_APPEND);
  char *appending = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, append, 0);
  need(appending != MAP_FAILED, "mmap");
  memcpy(appending + 50, "appmm", 5);
  done("msync of an appending one", msync(appending, 16384, MS_SYNC));
  shapeOf("nothing was appended", fd);
  value("the position", pread(fd, text, 5, 50));
  say("the text", "%.5s", text);
  done("madvise dontneed", madvise(private, 16384, MADV_DONTNEED));
  say("a private mapping is the file again", "%.5s", private);
  done("madvise remove", madvise(shared + 4096, 4096, MADV_REMOVE));
  value("mincore", mincore(shared, 4096, (unsigned char *)text));
  done("msync of what is not mapped", msync((void *)4096, 4096, MS_SYNC));
  struct timespec old[2] = {{5, 0}, {5, 0}};
  need(futimens(fd, old) == 0, "futimens");
  memcpy(shared + 300, "touch", 5);
  need(msync(shared, 4096, MS_SYNC) == 0, "msync");
  struct stat info;
  need(fstat(fd, &info) == 0, "fstat");
  say("a mapped write changes the time", "%d", info.st_mtim.tv_sec > 5);
  done("unlink", unlink("f"));
  memcpy(shared + 400, "after", 5);
  done("msync without a name", msync(shared, 4096, MS_SYNC));
  value("read without a name", pread(fd, text, 5, 400));
  say("the text then", "%.5s", text);
  close(fd);
  memcpy(shared + 500, "still", 5);
  done("msync without a descriptor", msync(shared, 4096, MS_SYNC));
  done("munmap", munmap(shared, 16384));
  // A program that is made, run and made again.
  fd = get("big", O_CREAT | O_RDWR);
  size_t size = 8 << 20;
  need(ftruncate(fd, (off_t)size) == 0, "ftruncate");
  char *big = map("8 MiB", fd, size, PROT_READ | PROT_WRITE, MAP_SHARED);
  for (size_t i = 0; i < size; i += 4096) big[i] = (char)(i >> 12);
  done("msync of it", msync(big, size, MS_SYNC));
  int bad = 0;
  for (size_t i = 0; i < size; i += 4096) {
    char byte;
    need(pread(fd, &byte, 1, (off_t)i) == 1, "pread");
    bad += byte != (char)(i >> 12);
  }
  say("wrong pages", "%d", bad);
}
