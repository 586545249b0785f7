#ifndef CLINUX_VHOST_H
#define CLINUX_VHOST_H

#include "clinux_base.h"
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <linux/sockios.h>

static inline int cl_get_seals(void) { return F_GET_SEALS; }
static inline int cl_seal_shrink(void) { return F_SEAL_SHRINK; }
static inline int cl_seal_memory(int fd) { CL_RET(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)); }

static inline int cl_sock_nonblock(void) { return SOCK_NONBLOCK; }
/// Sends from up to `count` buffers on a stream socket, never waiting, without SIGPIPE.
static inline ssize_t cl_stream_send(int fd, const struct iovec *_Nonnull vectors, size_t count) {
  struct msghdr message = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = count};
  CL_RET(sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}
/// Receives into up to `count` buffers from a stream socket, never waiting.
static inline ssize_t cl_stream_receive(int fd, const struct iovec *_Nonnull vectors,
                                        size_t count) {
  struct msghdr message = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = count};
  CL_RET(recvmsg(fd, &message, MSG_DONTWAIT));
}
/// What a stream socket holds, left there.
static inline ssize_t cl_stream_peek(int fd, void *_Nonnull buffer, size_t count) {
  CL_RET(recv(fd, buffer, count, MSG_DONTWAIT | MSG_PEEK));
}
/// The bytes that can be received from a stream socket at once.
static inline int cl_stream_available(int fd) {
  int count = 0;
  CL_RET(ioctl(fd, SIOCINQ, &count) < 0 ? -1 : count);
}

#endif
