#include "CGuestInit.h"
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

// A static Swift program needs /proc at its start and ends without it, and without a console nobody
// reads why: the first process of a guest has both before the runtime begins. Elsewhere this does
// nothing.
static void prepare_first_process(void) {
  if (getpid() != 1) return;
  mkdir("/proc", 0555);
  mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0);
  mkdir("/dev", 0755);
  mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
  // The kernel opens the console only when the initramfs has the node.
  if (fcntl(0, F_GETFD) >= 0) return;
  int console = open("/dev/console", O_RDWR | O_NOCTTY);
  if (console < 0) console = open("/dev/null", O_RDWR);
  while (console >= 0 && console < 2) console = dup(console);
}
__attribute__((section(".preinit_array"), used)) static void (*const early)(void) =
    prepare_first_process;
