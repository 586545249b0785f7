#include "CGuestInit.h"
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

// The kernel is started with the console's level 3: an error that it tells before is that the machine has no PCI.
// From now on errors are told, unless the user's parameters ask for another level.
static void tell_errors(void) {
  int file = open("/proc/sys/kernel/printk", O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  char level = 0;
  // Where it can't be written the level stays, which is no reason to end.
  if (read(file, &level, 1) == 1 && level == '3' && pwrite(file, "4", 1, 0) < 0) level = 0;
  close(file);
}

// A static Swift program needs /proc at its start and ends without it, and without a console nobody
// reads why: the first process of a guest has both before the runtime begins. Elsewhere this does
// nothing.
static void prepare_first_process(void) {
  if (getpid() != 1) return;
  mkdir("/proc", 0555);
  mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0);
  tell_errors();
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
