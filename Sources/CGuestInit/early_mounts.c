#include "CGuestInit.h"
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

// A static Swift program needs /proc at its start and ends without it: the first process of a guest
// mounts it before the runtime begins. Elsewhere this does nothing.
static void mount_proc(void) {
  if (getpid() != 1) return;
  mkdir("/proc", 0555);
  mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0);
}
__attribute__((section(".preinit_array"), used)) static void (*const early)(void) = mount_proc;
