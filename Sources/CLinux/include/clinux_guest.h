#ifndef CLINUX_GUEST_H
#define CLINUX_GUEST_H

#include "clinux_base.h"
#include <fcntl.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/vm_sockets.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <termios.h>
#include <time.h>

/// Loads the kernel module of an open file; `compressed` has the kernel unpack it (Linux 5.17).
static inline int cl_finit_module(int fd, const char *_Nonnull parameters, bool compressed) {
  CL_RET((int)syscall(SYS_finit_module, fd, parameters,
                      compressed ? MODULE_INIT_COMPRESSED_FILE : 0));
}
/// Restarts the machine at once; returns only when that failed.
static inline int cl_restart_machine(void) { CL_RET(reboot(RB_AUTOBOOT)); }
/// Switches the machine off at once; returns only when that failed.
static inline int cl_power_off(void) { CL_RET(reboot(RB_POWER_OFF)); }
/// Sets the wall clock to nanoseconds since 1970.
static inline int cl_set_realtime_ns(int64_t nanoseconds) {
  struct timespec now = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
  CL_RET(clock_settime(CLOCK_REALTIME, &now));
}
/// Gives the kernel's random generator bytes that are as good as random, and has it use them.
static inline int cl_add_entropy(int random, const void *_Nonnull bytes, size_t length) {
  union {
    struct rand_pool_info info;
    unsigned char room[sizeof(struct rand_pool_info) + 512];
  } pool;
  if (length > 512) length = 512;
  pool.info.entropy_count = (int)length * 8;
  pool.info.buf_size = (int)length;
  memcpy(pool.room + sizeof pool.info, bytes, length);
  if (ioctl(random, RNDADDENTROPY, &pool) < 0) return -errno;
  CL_RET(ioctl(random, RNDRESEEDCRNG));
}
static inline void cl_sync(void) { sync(); }
/// Waits until a terminal's output was sent.
static inline int cl_drain_terminal(int fd) { CL_RET(tcdrain(fd)); }
/// The kernel's release into `release`, as `uname -r` prints it.
static inline int cl_kernel_release(char *_Nonnull release, size_t size) {
  struct utsname name;
  if (uname(&name) < 0) return -errno;
  snprintf(release, size, "%s", name.release);
  return 0;
}

/// Blocks SIGCHLD: a descriptor that tells of it instead.
static inline int cl_child_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -errno;
  CL_RET(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}
static inline void cl_unblock_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static inline int cl_vsock_socket(bool waits) {
  CL_RET(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | (waits ? 0 : SOCK_NONBLOCK), 0));
}
/// Binds to a port, or with VMADDR_PORT_ANY to one that nobody has, on every context id.
static inline int cl_vsock_bind(int fd, unsigned port) {
  struct sockaddr_vm address = {
      .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port};
  CL_RET(bind(fd, (struct sockaddr *)&address, sizeof address));
}
static inline int cl_vsock_connect(int fd, unsigned cid, unsigned port) {
  struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
  CL_RET(connect(fd, (struct sockaddr *)&address, sizeof address));
}
/// The port that the socket is bound to.
static inline int cl_vsock_port(int fd, unsigned *_Nonnull port) {
  struct sockaddr_vm address;
  socklen_t size = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &size) < 0) return -errno;
  *port = address.svm_port;
  return 0;
}
/// accept4(2), and the context id of who connected.
static inline int cl_vsock_accept(int fd, int flags, unsigned *_Nonnull cid) {
  struct sockaddr_vm address;
  socklen_t size = sizeof address;
  memset(&address, 0, sizeof address);
  int accepted = accept4(fd, (struct sockaddr *)&address, &size, flags);
  if (accepted < 0) return -errno;
  *cid = address.svm_cid;
  return accepted;
}
static const unsigned CL_VMADDR_PORT_ANY = VMADDR_PORT_ANY;

#endif
