// overwrite MIB: takes this much of the machine's memory in small pages, then as much in pages of 2 MiB, and writes to
// all of it.
//
// Memory that held another guest's code is dear to overwrite in the testbed, and nowhere else: the emulator takes
// back what it has translated of each page. Who is measured next would pay for who was measured before.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static void take(size_t size, int advice) {
  char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || madvise(memory, size, advice)) {
    perror("overwrite");
    exit(1);
  }
  // The kernel clears what it gives, so that one byte of each page is enough.
  for (size_t at = 0; at < size; at += 4096) ((volatile char *)memory)[at] = 1;
}

int main(int argc, char **argv) {
  size_t size = argc == 2 ? strtoul(argv[1], NULL, 10) << 20 : 0;
  if (!size) {
    fprintf(stderr, "usage: overwrite MIB\n");
    return 2;
  }
  take(size, MADV_NOHUGEPAGE);
  take(size, MADV_HUGEPAGE);
  return 0;
}
