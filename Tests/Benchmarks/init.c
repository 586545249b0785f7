// Pid 1 of the peer's guest: the modules of the initramfs, the share "root" as root file system, and the
// program that the kernel's command line names after "--", with the serial port as its standard streams. After
// "vsock" its standard output is a connection to port 1024 of the host.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/vm_sockets.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what) {
  dprintf(1, "init: %s: %m\n", what);
  sync();
  reboot(RB_AUTOBOOT);
  for (;;) pause();
}

static void load_modules(void) {
  FILE *order = fopen("/modules/order", "r");
  if (!order) return;
  char name[256], path[300];
  while (fgets(name, sizeof name, order)) {
    name[strcspn(name, "\n")] = 0;
    snprintf(path, sizeof path, "/modules/%s", name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || syscall(SYS_finit_module, file, "", 0) < 0) fail(name);
    close(file);
  }
  fclose(order);
}

int main(int argc, char **argv) {
  mknod("/dev/ttyS0", S_IFCHR | 0600, makedev(4, 64));
  int serial = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
  for (int i = 0; i < 3; i++) dup2(serial, i);
  if (argc < 2) fail("no program");
  load_modules();
  mkdir("/root", 0700);
  if (mount("root", "/root", "virtiofs", 0, NULL) < 0) fail("virtiofs");
  if (chdir("/root") < 0 || chroot(".") < 0) fail("chroot");
  mkdir("/proc", 0555);
  mkdir("/dev", 0755);
  mount("proc", "/proc", "proc", 0, NULL);
  mount("dev", "/dev", "devtmpfs", 0, NULL);
  mkdir("/dev/shm", 0777);
  mount("shm", "/dev/shm", "tmpfs", 0, NULL);
  setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
  int output = -1;
  if (!strcmp(argv[1], "vsock")) {
    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_port = 1024, .svm_cid = VMADDR_CID_HOST};
    output = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (output < 0 || connect(output, (struct sockaddr *)&address, sizeof address) < 0) fail("vsock");
    argv++;
  }
  pid_t pid = fork();
  if (pid == 0) {
    if (output >= 0) dup2(output, 1);
    execv(argv[1], argv + 1);
    fail(argv[1]);
  }
  if (output >= 0) close(output);
  int status = -1;
  while (waitpid(pid, &status, 0) < 0) continue;
  if (status) dprintf(1, "init: %s ended with status %#x\n", argv[1], status);
  sync();
  // With reboot=t or k the reset ends qemu, which runs with -no-reboot.
  reboot(RB_AUTOBOOT);
  for (;;) pause();
}
