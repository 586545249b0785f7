// Direct transfers, synchronising, and copies that the kernel makes.
#include "areas.h"
#include <linux/fs.h>
#include <linux/fiemap.h>
#include <sys/sendfile.h>

void direct(void) {
  int fd = open("f", O_CREAT | O_RDWR | O_DIRECT | O_CLOEXEC, 0644);
  done("open", fd);
  char *page;
  need(posix_memalign((void **)&page, 4096, 65536) == 0, "posix_memalign");
  memset(page, 'd', 65536);
  value("write a page", pwrite(fd, page, 4096, 0));
  value("write more", pwrite(fd, page, 65536, 4096));
  shapeOf("its shape", fd);
  memset(page, 0, 4096);
  value("read a page", pread(fd, page, 4096, 0));
  say("what it has", "%c%c", page[0], page[4095]);
  value("read at the end", pread(fd, page, 4096, 69632));
  value("read across the end", pread(fd, page, 8192, 65536));
  value("an odd length", pwrite(fd, page, 100, 0));
  value("an odd offset", pread(fd, page, 4096, 100));
  value("an odd address", pread(fd, page + 1, 4096, 0));
  int other = get("f", O_RDWR);
  need(pwrite(other, "plain", 5, 0) == 5, "pwrite");
  need(pread(fd, page, 4096, 0) == 4096, "pread");
  say("a plain write is seen", "%.5s", page);
  memcpy(page, "direct", 6);
  need(pwrite(fd, page, 4096, 0) == 4096, "pwrite");
  char text[8] = "";
  need(pread(other, text, 6, 0) == 6, "pread");
  say("a direct write is seen", "%s", text);
  char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
  need(memory != MAP_FAILED, "mmap");
  memcpy(memory, "mapped", 6);
  need(pread(fd, page, 4096, 0) == 4096, "pread");
  say("a mapped write is seen", "%.6s", page);
  memcpy(page, "behind", 6);
  need(pwrite(fd, page, 4096, 0) == 4096, "pwrite");
  say("and the other way round", "%.6s", memory);
  done("flag cleared", fcntl(fd, F_SETFL, 0));
  value("an odd length then", pwrite(fd, "xyz", 3, 5));
  done("flag set", fcntl(fd, F_SETFL, O_DIRECT));
  done("truncate", ftruncate(fd, 4096));
  value("append", pwrite(fd, page, 4096, 4096));
  done("fsync", fsync(fd));
}

void sync_(void) {
  make("f", "x", 0644);
  int fd = get("f", O_RDWR);
  need(pwrite(fd, "data", 4, 0) == 4, "pwrite");
  done("fsync", fsync(fd));
  done("fdatasync", fdatasync(fd));
  done("sync_file_range", sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
  done("sync_file_range with an unknown flag", sync_file_range(fd, 0, 0, 99));
  done("syncfs", syncfs(fd));
  int reading = get("f", O_RDONLY);
  done("fsync of a file open for reading", fsync(reading));
  done("fdatasync of a file open for reading", fdatasync(reading));
  int directory = get(".", O_RDONLY);
  done("fsync of a directory", fsync(directory));
  done("fdatasync of a directory", fdatasync(directory));
  done("syncfs by a directory", syncfs(directory));
  int ends[2];
  need(pipe(ends) == 0, "pipe");
  done("fsync of a pipe", fsync(ends[0]));
  need(mkfifo("p", 0600) == 0, "mkfifo");
  done("fsync of a fifo", fsync(get("p", O_RDWR)));
  done("fsync of nothing", fsync(999));
  fd = open("s", O_CREAT | O_RDWR | O_SYNC, 0644);
  value("write with O_SYNC", write(fd, "sync", 4));
  fd = open("t", O_CREAT | O_RDWR | O_DSYNC, 0644);
  value("write with O_DSYNC", write(fd, "sync", 4));
  fd = open("u", O_CREAT | O_RDWR | O_SYNC | O_APPEND, 0644);
  value("write with O_SYNC and O_APPEND", write(fd, "sync", 4));
  content("all of it", "u");
  sync();
  say("sync", "ok");
}

void copying(void) {
  char page[8192];
  memset(page, 'c', sizeof page);
  int from = get("from", O_CREAT | O_RDWR);
  need(write(from, page, sizeof page) == sizeof page, "write");
  int to = get("to", O_CREAT | O_RDWR);
  off_t in = 0, out = 0;
  value("copy_file_range", copy_file_range(from, &in, to, &out, 5000, 0));
  say("positions", "%ld %ld", (long)in, (long)out);
  value("the rest and more", copy_file_range(from, &in, to, &out, 5000, 0));
  value("at the end", copy_file_range(from, &in, to, &out, 5000, 0));
  shape("the copy", "to");
  in = 0;
  out = 100;
  value("overlapping in one file", copy_file_range(from, &in, from, &out, 5000, 0));
  in = 0;
  out = 8192;
  value("apart in one file", copy_file_range(from, &in, from, &out, 4096, 0));
  value("with an unknown flag", copy_file_range(from, &in, to, &out, 10, 1));
  in = -1;
  value("from -1", copy_file_range(from, &in, to, &out, 10, 0));
  in = 0;
  value("of nothing", copy_file_range(from, &in, to, &out, 0, 0));
  int append = get("to", O_WRONLY | O_APPEND);
  value("to an appending file", copy_file_range(from, &in, append, NULL, 10, 0));
  value("to a file open for reading", copy_file_range(from, &in, get("to", O_RDONLY), NULL, 10, 0));
  value("from a file open for writing", copy_file_range(get("from", O_WRONLY), &in, to, NULL, 10, 0));
  int directory = get(".", O_RDONLY);
  value("from a directory", copy_file_range(directory, &in, to, NULL, 10, 0));
  value("from another file system", copy_file_range(get(OTHER_SYSTEM "/known", O_RDONLY), &in, to, NULL, 3, 0));
  int ends[2];
  need(pipe(ends) == 0, "pipe");
  value("to a pipe", copy_file_range(from, &in, ends[1], NULL, 10, 0));
  need(ftruncate(to, 0) == 0 && lseek(to, 0, SEEK_SET) == 0, "ftruncate");
  in = 10;
  value("sendfile", sendfile(to, from, &in, 4000));
  value("sendfile beyond the end", sendfile(to, from, &in, 100000));
  shape("sent", "to");
  value("sendfile to a pipe", sendfile(ends[1], from, &in, 10));
  in = 0;
  value("sendfile to a pipe from the start", sendfile(ends[1], from, &in, 4096));
  value("splice to a file", splice(ends[0], NULL, to, NULL, 4096, 0));
  in = 5;
  value("splice from a file", splice(from, &in, ends[1], NULL, 1000, 0));
  int second[2];
  need(pipe(second) == 0, "pipe");
  value("tee", tee(ends[0], second[1], 1000, 0));
  out = 20000;
  value("splice to an offset", splice(ends[0], NULL, to, &out, 1000, 0));
  shape("spliced", "to");
  value("splice of two files", splice(from, &in, to, &out, 10, 0));
  value("splice to an appending file", splice(second[0], NULL, append, NULL, 10, 0));
  struct iovec memory = {page, 100};
  value("vmsplice", vmsplice(ends[1], &memory, 1, 0));
  value("splice of that", splice(ends[0], NULL, to, NULL, 100, 0));
  value("sendfile to a socket", 0);
  int pair[2];
  need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
  in = 0;
  value("by sendfile", sendfile(pair[0], from, &in, 3000));
  value("received", recv(pair[1], page, sizeof page, 0));
  value("splice from a socket", send(pair[0], "socket", 6, 0) == 6 ? splice(pair[1], NULL, ends[1], NULL, 6, 0) : -1);
  done("FICLONE", ioctl(to, FICLONE, from));
  struct file_clone_range range = {from, 0, 4096, 0};
  done("FICLONERANGE", ioctl(to, FICLONERANGE, &range));
  struct fiemap map = {.fm_length = 4096};
  done("FS_IOC_FIEMAP", ioctl(from, FS_IOC_FIEMAP, &map));
  // The same bytes by each way.
  uint32_t state = 7;
  size_t size = 1 << 20;
  unsigned char *bytes = malloc(size), *copy = malloc(size);
  need(bytes && copy, "malloc");
  for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)((state = state * 1664525 + 1013904223) >> 24);
  int source = get("source", O_CREAT | O_RDWR);
  need(write(source, bytes, size) == (ssize_t)size, "write");
  for (int way = 0; way < 3; way++) {
    char name[16];
    snprintf(name, sizeof name, "way%d", way);
    int target = get(name, O_CREAT | O_RDWR);
    off_t at = 0, place = 0;
    while (at < (off_t)size) {
      ssize_t count = way == 0 ? copy_file_range(source, &at, target, NULL, size, 0)
        : way == 1 ? sendfile(target, source, &at, size)
        : splice(source, &at, ends[1], NULL, 32768, 0);
      need(count > 0, name);
      if (way == 2) need(splice(ends[0], NULL, target, &place, (size_t)count, 0) == count, name);
    }
    need(pread(target, copy, size, 0) == (ssize_t)size, name);
    say(name, "%s", memcmp(bytes, copy, size) ? "different" : "the same");
    if (way == 1) need(read(ends[0], page, 0) == 0, "read");
  }
}
