#ifndef CLINUX_NOTIFY_H
#define CLINUX_NOTIFY_H

#include "clinux_base.h"
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/// One datagram to a unix socket: a path, or an abstract name that is written with a leading '@'.
static inline ssize_t cl_unix_send(const char *_Nonnull name, const void *_Nonnull data,
                                   size_t length) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t size = strlen(name);
  if (size >= sizeof address.sun_path) return -ENAMETOOLONG;
  memcpy(address.sun_path, name, size);
  if (name[0] == '@') address.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  ssize_t sent = sendto(fd, data, length, MSG_NOSIGNAL, (struct sockaddr *)&address,
                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
  if (sent < 0) sent = -errno;
  close(fd);
  return sent;
}

#endif
