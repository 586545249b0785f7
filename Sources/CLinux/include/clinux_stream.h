#ifndef CLINUX_STREAM_H
#define CLINUX_STREAM_H

#include "clinux_base.h"
#include <sys/socket.h>

enum { CL_SHUT_WR = SHUT_WR, CL_SHUT_RDWR = SHUT_RDWR };

/// recv(2); with `now` it does not wait, whatever the open file's flags are.
static inline ssize_t cl_recv(int fd, void *_Nonnull data, size_t length, bool now) {
  CL_RET(recv(fd, data, length, now ? MSG_DONTWAIT : 0));
}
/// send(2) without SIGPIPE; with `now` it does not wait, whatever the open file's flags are.
static inline ssize_t cl_send(int fd, const void *_Nonnull data, size_t length, bool now) {
  CL_RET(send(fd, data, length, MSG_NOSIGNAL | (now ? MSG_DONTWAIT : 0)));
}

#endif
