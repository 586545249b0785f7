#ifndef CLINUX_ROOTFS_H
#define CLINUX_ROOTFS_H

#include "clinux_base.h"
#include "clinux_file.h"
#include "clinux_mount.h"
#include <linux/magic.h>
#include <linux/stat.h>
#include <sys/syscall.h>

static inline int cl_fspick(int dirfd, const char *_Nonnull path, unsigned flags) {
  CL_RET((int)syscall(SYS_fspick, dirfd, path, flags));
}
static const unsigned long CL_FSPICK_CLOEXEC = FSPICK_CLOEXEC;
static const unsigned long CL_FSPICK_EMPTY_PATH = FSPICK_EMPTY_PATH;

/// 1 when the descriptor stands on the root of its mount, 0 when not.
static inline int cl_is_mount_root(int fd) {
  struct statx status;
  if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, 0, &status) < 0) return -errno;
  // STATX_ATTR_MOUNT_ROOT, since Linux 5.8.
  return (status.stx_attributes & 0x2000) != 0;
}
/// The number that /proc/PID/mountinfo has for the mount that the descriptor stands on.
static inline int cl_mount_id(int fd, uint64_t *_Nonnull id) {
  struct statx status;
  if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_MNT_ID, &status) < 0)
    return -errno;
  // Since Linux 5.8.
  if (!(status.stx_mask & STATX_MNT_ID)) return -ENOSYS;
  *id = status.stx_mnt_id;
  return 0;
}
/// The magic number of the file system that the descriptor is in.
static inline long cl_filesystem_magic(int fd) {
  struct statfs status;
  if (fstatfs(fd, &status) < 0) return -errno;
  // s390 and others have signed magics; none that is asked for here has the top bit set.
  return (long)((unsigned long)status.f_type & 0x7fffffff);
}
/// chmod of an O_PATH descriptor: fchmodat2 (Linux 6.6), else the magic link, which leads to the
/// file the descriptor refers to whatever its name is by now.
static inline int cl_chmod_descriptor(int fd, mode_t mode) {
  if (syscall(452, fd, "", mode, 0x1000 /* AT_EMPTY_PATH */) == 0) return 0;
  if (errno != ENOSYS) return -errno;
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  CL_RET(chmod(path, mode));
}
static inline int cl_utimensat(int dirfd, const char *_Nonnull path,
                               const struct stat *_Nonnull times) {
  struct timespec both[2] = {times->st_atim, times->st_mtim};
  CL_RET(utimensat(dirfd, path, both, AT_SYMLINK_NOFOLLOW));
}
static inline ssize_t cl_flistxattr(int fd, char *_Nullable names, size_t size) {
  CL_RET(flistxattr(fd, names, size));
}
static inline int cl_fsetxattr(int fd, const char *_Nonnull name, const void *_Nonnull value,
                               size_t size) {
  CL_RET(fsetxattr(fd, name, value, size, 0));
}

#endif
