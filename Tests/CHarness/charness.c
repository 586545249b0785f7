#include "CHarness.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { FIRST_SPARE_FD = 200 };

// Between fork and exec: only async-signal-safe calls, as the test runner has many threads.
static int prepare(const struct ch_program *program) {
  // Raw: the C library hides two signals, and what it hides is inherited as well.
  struct {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
  } standard = {NULL, 0, NULL, 0};
  for (int signal = 1; signal <= 64; signal++)
    syscall(SYS_rt_sigaction, signal, &standard, NULL, sizeof standard.mask);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);

  // First out of the way, then into place: a source may be the number of another's target.
  int spare[64];
  if (program->fd_count > 64) return -EINVAL;
  for (int i = 0; i < program->fd_count; i++) {
    spare[i] = -1;
    if (program->fds[i] < 0) continue;
    spare[i] = fcntl(program->fds[i], F_DUPFD_CLOEXEC, FIRST_SPARE_FD);
    if (spare[i] < 0) return -errno;
  }
  for (int i = 0; i < program->fd_count; i++) {
    if (spare[i] < 0) {
      close(i);
    } else if (dup2(spare[i], i) < 0) {
      return -errno;
    }
  }
  if (program->terminal) {
    if (setsid() < 0 || ioctl(0, TIOCSCTTY, 0) < 0) return -errno;
  }
  if (program->private_mounts) {
    if (unshare(CLONE_NEWNS) < 0) return -errno;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return -errno;
  }
  if (program->cwd && chdir(program->cwd) < 0) return -errno;
  if (program->uid >= 0) {
    // Raw: the C library's versions signal the other threads, which a forked child lacks.
    if (syscall(SYS_setgroups, 0, NULL) < 0) return -errno;
    if (syscall(SYS_setresgid, program->uid, program->uid, program->uid) < 0) return -errno;
    if (syscall(SYS_setresuid, program->uid, program->uid, program->uid) < 0) return -errno;
  }
  return 0;
}

static pthread_rwlock_t spawning;
static pthread_once_t spawning_made = PTHREAD_ONCE_INIT;

static void make_spawning(void) {
  pthread_rwlockattr_t attributes;
  pthread_rwlockattr_init(&attributes);
  pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init(&spawning, &attributes);
}

void ch_hold_spawns(void) {
  pthread_once(&spawning_made, make_spawning);
  pthread_rwlock_wrlock(&spawning);
}

void ch_release_spawns(void) { pthread_rwlock_unlock(&spawning); }

static void begin_spawn(void) {
  pthread_once(&spawning_made, make_spawning);
  pthread_rwlock_rdlock(&spawning);
}

pid_t ch_spawn(const struct ch_program *program, int *pidfd) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) < 0) return -errno;
  begin_spawn();
  pid_t pid = fork();
  if (pid < 0) {
    int error = errno;
    ch_release_spawns();
    close(report[0]);
    close(report[1]);
    return -error;
  }
  if (pid == 0) {
    // The report must not lie where a descriptor of the program goes.
    int channel = fcntl(report[1], F_DUPFD_CLOEXEC, FIRST_SPARE_FD + 100);
    int error = channel < 0 ? -errno : prepare(program);
    if (error == 0) {
      syscall(SYS_close_range, program->fd_count, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
      execve(program->path, program->argv, program->envp);
      error = -errno;
    }
    if (write(channel, &error, sizeof error) < 0) _exit(126);
    _exit(127);
  }
  close(report[1]);
  int error = 0;
  ssize_t count;
  do count = read(report[0], &error, sizeof error);
  while (count < 0 && errno == EINTR);
  ch_release_spawns();
  close(report[0]);
  if (count == sizeof error) {
    waitpid(pid, NULL, 0);
    return error;
  }
  *pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (*pidfd < 0) return -errno;
  fcntl(*pidfd, F_SETFD, FD_CLOEXEC);
  return pid;
}

int ch_reap(pid_t pid, int *status) {
  pid_t got;
  do got = waitpid(pid, status, 0);
  while (got < 0 && errno == EINTR);
  return got < 0 ? -errno : 0;
}

int ch_pidfd_send_signal(int pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int ch_exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int ch_pipe(int fds[2]) { return pipe2(fds, O_CLOEXEC) < 0 ? -errno : 0; }

int ch_open_terminal(int *master, int *slave) {
  *master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (*master < 0) return -errno;
  int zero = 0;
  if (ioctl(*master, TIOCSPTLCK, &zero) < 0) return -errno;
  *slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  return *slave < 0 ? -errno : 0;
}

int ch_set_window(int fd, unsigned short rows, unsigned short columns) {
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  return ioctl(fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

int ch_is_raw(int fd) {
  struct termios state;
  if (tcgetattr(fd, &state) < 0) return -errno;
  return (state.c_lflag & (ECHO | ICANON | ISIG)) == 0;
}

static int bind_socket(const char *path, int type) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
      (type == SOCK_STREAM && listen(fd, 64) < 0)) {
    int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

int ch_listen(const char *path) { return bind_socket(path, SOCK_STREAM); }

int ch_receive_datagrams(const char *path) { return bind_socket(path, SOCK_DGRAM); }

int ch_accept(int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int ch_poll_input(int fd, int timeout_ms) {
  struct pollfd waited = {.fd = fd, .events = POLLIN};
  int ready = poll(&waited, 1, timeout_ms);
  return ready < 0 ? -errno : ready;
}

int ch_accept_descriptors(int listener, int timeout_ms, int *fds, int capacity, char *bytes,
                          size_t size, size_t *length) {
  if (ch_poll_input(listener, timeout_ms) <= 0) return -ETIMEDOUT;
  int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (connection < 0) return -errno;
  if (ch_poll_input(connection, timeout_ms) <= 0) {
    close(connection);
    return -ETIMEDOUT;
  }
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * 16)];
  } control;
  struct iovec part = {.iov_base = bytes, .iov_len = size};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  ssize_t count = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
  int result = count < 0 ? -errno : 0;
  *length = count < 0 ? 0 : (size_t)count;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part && result >= 0;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    int got = (int)((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (int i = 0; i < got && result < capacity; i++)
      memcpy(&fds[result++], CMSG_DATA(part) + i * sizeof(int), sizeof(int));
  }
  // A sender may write more than one message: the rest of the bytes follows without descriptors.
  while (count > 0 && *length < size && ch_poll_input(connection, 500) > 0) {
    count = recv(connection, bytes + *length, size - *length, 0);
    if (count > 0) *length += (size_t)count;
  }
  close(connection);
  return result;
}


int ch_answer_notification(int listener, int timeout_ms, int error) {
  struct seccomp_notif request = {0};
  struct seccomp_notif_resp response = {0};
  if (ch_poll_input(listener, timeout_ms) <= 0) return -ETIMEDOUT;
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0) return -errno;
  response.id = request.id;
  response.error = -error;
  if (error == 0) response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0) return -errno;
  return request.data.nr;
}

pid_t ch_start_exchanging(const char *one, const char *other) {
  int held[2];
  if (pipe2(held, O_CLOEXEC) < 0) return -errno;
  begin_spawn();
  pid_t pid = fork();
  if (pid != 0) {
    int error = errno;
    char none;
    close(held[1]);
    // Ends when the child has closed what it was born with.
    while (pid > 0 && read(held[0], &none, 1) < 0 && errno == EINTR) {}
    close(held[0]);
    ch_release_spawns();
    return pid < 0 ? -error : pid;
  }
  syscall(SYS_close_range, 0, ~0u, 0);
  for (;;) syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 2 /* RENAME_EXCHANGE */);
}
