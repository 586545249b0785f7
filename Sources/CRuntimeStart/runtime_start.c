// Spares a program what the Swift runtime does before main, and what it brings along, that none of ours needs. The
// linker's --wrap puts these functions into the place of the runtime's.
#include <stdio.h>
#include <string.h>

// A constructor of Swift looks for its backtrace program beside the executable, by eight calls; there is none.
__attribute__((used)) char *__wrap_swift_copyAuxiliaryExecutablePath(const char *name, const char *directory) {
  (void)name;
  (void)directory;
  return NULL;
}

// Another one reads /proc/self/maps to find the words of the command line on the stack. They are handed over below;
// nothing else in our programs opens this file.
FILE *__real_fopen(const char *path, const char *mode);
__attribute__((used)) FILE *__wrap_fopen(const char *path, const char *mode) {
  return strcmp(path, "/proc/self/maps") == 0 ? NULL : __real_fopen(path, mode);
}

void _swift_stdlib_overrideUnsafeArgvArgc(char **words, int count);
__attribute__((constructor)) static void hand_over(int count, char **words) {
  _swift_stdlib_overrideUnsafeArgvArgc(words, count);
}

// The names of all characters are 0.6 MB of each program, and of what a guest copies at its start; nothing of ours
// asks for one.
__attribute__((used)) long __wrap__swift_stdlib_getScalarName(unsigned scalar, unsigned char *buffer, long capacity) {
  (void)scalar;
  (void)buffer;
  (void)capacity;
  return 0;
}

__attribute__((used)) const char *__wrap__swift_stdlib_getNameAlias(unsigned scalar) {
  (void)scalar;
  return NULL;
}
