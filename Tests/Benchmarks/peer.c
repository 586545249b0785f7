// The peer of `swrun run --vm`: qemu with virtiofsd, started without any detour and waited for.
// peer VIRTIOFSD SHARE PIDFILE QEMU ARGUMENT…: "@@" in an argument is the path of virtiofsd's socket, and the
// pid of qemu and that of virtiofsd are written to PIDFILE ("-": nowhere). The exit status is qemu's.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

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
  char *server[] = {argv[1], descriptor, "-o", source, "-o", "cache=auto", "-o", "xattr", "-o", "allow_direct_io", NULL};
  pid_t files = start(server, 1);
  close(listener);
  for (int i = 5; i < argc; i++) {
    char *mark = strstr(argv[i], "@@"), *whole;
    if (!mark) continue;
    if (asprintf(&whole, "%.*s%s%s", (int)(mark - argv[i]), argv[i], address.sun_path, mark + 2) < 0)
      fail("memory");
    argv[i] = whole;
  }
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
  unlink(address.sun_path);
  kill(files, SIGTERM);
  waitpid(files, NULL, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
