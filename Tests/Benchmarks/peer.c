// The peer of `swrun run --vm`: qemu with virtiofsd, started without any detour and waited for.
// peer VIRTIOFSD SHARE PIDFILE QEMU ARGUMENT…: "@@" in an argument is the path of virtiofsd's socket, and the
// pid of qemu and that of virtiofsd are written to PIDFILE ("-": nowhere). The exit status is qemu's. Where
// qemu has a vsock device, what its guest sends to port 1024 comes out of standard output.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/vm_sockets.h>

static void fail(const char *what) {
  fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
  exit(1);
}

// A child that ends when this process does, also when that is killed.
static pid_t start(char **words, int quiet) {
  pid_t parent = getpid(), pid = fork();
  if (pid < 0) fail("fork");
  if (pid) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  if (quiet && !freopen("/dev/null", "w", stderr)) _exit(1);
  execv(words[0], words);
  fail(words[0]);
  return 0;
}

// A child that copies what the first connection to a port of the host brings.
static pid_t receive(unsigned port) {
  struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_port = port, .svm_cid = VMADDR_CID_HOST};
  int listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1))
    fail("vsock");
  pid_t parent = getpid(), pid = fork();
  if (pid < 0) fail("fork");
  if (pid) {
    close(listener);
    return pid;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  static char buffer[1 << 16];
  int connection = accept(listener, NULL, NULL);
  if (connection < 0) fail("accept");
  for (ssize_t count; (count = read(connection, buffer, sizeof buffer));) {
    if (count < 0) fail("read");
    for (ssize_t done = 0, part; done < count; done += part > 0 ? part : 0) {
      // The pipe is qemu's standard output too, which makes it non-blocking.
      struct pollfd room = {1, POLLOUT, 0};
      if (poll(&room, 1, -1) < 0) fail("poll");
      if ((part = write(1, buffer + done, count - done)) < 0 && errno != EAGAIN) fail("write");
    }
  }
  _exit(0);
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: peer VIRTIOFSD SHARE PIDFILE QEMU ARGUMENT...\n");
    return 2;
  }
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "/tmp/peer-%d", getpid());
  // It listens before virtiofsd runs: qemu need not wait to connect.
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1))
    fail(address.sun_path);
  char descriptor[32], source[4096];
  snprintf(descriptor, sizeof descriptor, "--fd=%d", listener);
  snprintf(source, sizeof source, "source=%s", argv[2]);
  char *server[] = {argv[1], descriptor, "-o", source, "-o", "cache=auto", "-o", "xattr", NULL};
  pid_t files = start(server, 1);
  close(listener);
  for (int i = 5; i < argc; i++) {
    char *mark = strstr(argv[i], "@@"), *whole;
    if (!mark) continue;
    if (asprintf(&whole, "%.*s%s%s", (int)(mark - argv[i]), argv[i], address.sun_path, mark + 2) < 0)
      fail("memory");
    argv[i] = whole;
  }
  pid_t receiver = 0;
  for (int i = 5; i < argc; i++)
    if (strstr(argv[i], "vhost-vsock-device")) receiver = receive(1024);
  pid_t qemu = start(argv + 4, 0);
  if (strcmp(argv[3], "-")) {
    FILE *file = fopen(argv[3], "w");
    if (!file) fail(argv[3]);
    fprintf(file, "%d %d\n", qemu, files);
    fclose(file);
  }
  int status;
  while (waitpid(qemu, &status, 0) < 0)
    if (errno != EINTR) fail("waitpid");
  // It ends by itself once it has handed on what came.
  if (receiver) waitpid(receiver, NULL, 0);
  unlink(address.sun_path);
  kill(files, SIGTERM);
  waitpid(files, NULL, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
