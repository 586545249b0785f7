#ifndef CLINUX_SOCKET_H
#define CLINUX_SOCKET_H

#include "clinux_base.h"
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static inline int cl_socket(int domain, int type, int protocol) {
  CL_RET(socket(domain, type, protocol));
}
static inline int cl_socketpair(int type, int fds[_Nonnull 2]) {
  CL_RET(socketpair(AF_UNIX, type, 0, fds));
}
/// Fills `address`; -ENAMETOOLONG when the path does not fit into sun_path.
static inline int cl_unix_address(struct sockaddr_un *_Nonnull address,
                                  const char *_Nonnull path) {
  size_t length = strlen(path);
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (length >= sizeof address->sun_path) return -ENAMETOOLONG;
  memcpy(address->sun_path, path, length);
  return 0;
}
static inline int cl_unix_connect(int fd, const char *_Nonnull path) {
  struct sockaddr_un address;
  int error = cl_unix_address(&address, path);
  if (error) return error;
  CL_RET(connect(fd, (struct sockaddr *)&address, sizeof address));
}
static inline int cl_unix_bind(int fd, const char *_Nonnull path) {
  struct sockaddr_un address;
  int error = cl_unix_address(&address, path);
  if (error) return error;
  CL_RET(bind(fd, (struct sockaddr *)&address, sizeof address));
}
static inline int cl_listen(int fd, int backlog) { CL_RET(listen(fd, backlog)); }
static inline int cl_accept4(int fd, int flags) { CL_RET(accept4(fd, NULL, NULL, flags)); }
static inline int cl_shutdown(int fd, int how) { CL_RET(shutdown(fd, how)); }

/// One message with up to CL_MAX_PASSED_FDS descriptors. Bytes sent, or -errno.
#define CL_MAX_PASSED_FDS 8
static inline ssize_t cl_send_fds(int fd, const void *_Nonnull data, size_t length,
                                  const int *_Nullable fds, size_t count) {
  if (count > CL_MAX_PASSED_FDS) return -EINVAL;
  union {
    char bytes[CMSG_SPACE(sizeof(int) * CL_MAX_PASSED_FDS)];
    struct cmsghdr align;
  } control;
  memset(&control, 0, sizeof control);
  struct iovec vector = {.iov_base = (void *)data, .iov_len = length};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (count > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
  }
  CL_RET(sendmsg(fd, &message, MSG_NOSIGNAL));
}
/// Receives one message and its descriptors (close-on-exec). `count` goes in as the room in `fds`
/// and comes out as the number received. -EMSGSIZE when data or descriptors were cut.
static inline ssize_t cl_receive_fds(int fd, void *_Nonnull data, size_t length,
                                     int *_Nullable fds, size_t *_Nonnull count) {
  union {
    char bytes[CMSG_SPACE(sizeof(int) * CL_MAX_PASSED_FDS)];
    struct cmsghdr align;
  } control;
  struct iovec vector = {.iov_base = data, .iov_len = length};
  struct msghdr message = {.msg_iov = &vector,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  size_t room = *count;
  *count = 0;
  ssize_t received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  if (received < 0) return -errno;
  bool cut = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < here; i++) {
      int passed;
      memcpy(&passed, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      if (*count < room && !cut)
        fds[(*count)++] = passed;
      else {
        close(passed);
        cut = true;
      }
    }
  }
  if (cut) {
    for (size_t i = 0; i < *count; i++) close(fds[i]);
    *count = 0;
    return -EMSGSIZE;
  }
  return received;
}
static inline int cl_sock_cloexec(void) { return SOCK_CLOEXEC; }
static inline int cl_sock_type(int which) {
  return which == 0 ? SOCK_STREAM : which == 1 ? SOCK_DGRAM : SOCK_SEQPACKET;
}
/// Sets IFF_UP on the loopback interface of this network namespace.
static inline int cl_loopback_up(void) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  struct ifreq request;
  memset(&request, 0, sizeof request);
  memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP;
  int result = ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
  close(fd);
  return result;
}

#endif
