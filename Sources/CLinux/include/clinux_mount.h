#ifndef CLINUX_MOUNT_H
#define CLINUX_MOUNT_H

#include "clinux_base.h"
// <sys/mount.h> of glibc 2.36 has the mount API's structures and constants; <linux/mount.h>
// redefines them, so only one of the two is used.
#include <sys/mount.h>
#include <sys/syscall.h>

static inline int cl_mount(const char *_Nullable source, const char *_Nonnull target,
                           const char *_Nullable type, unsigned long flags,
                           const void *_Nullable data) {
  CL_RET(mount(source, target, type, flags, data));
}
static inline int cl_umount2(const char *_Nonnull target, int flags) {
  CL_RET(umount2(target, flags));
}
static inline int cl_pivot_root(const char *_Nonnull new_root, const char *_Nonnull put_old) {
  CL_RET((int)syscall(SYS_pivot_root, new_root, put_old));
}
static inline int cl_open_tree(int dirfd, const char *_Nonnull path, unsigned flags) {
  CL_RET((int)syscall(SYS_open_tree, dirfd, path, flags));
}
static inline int cl_move_mount(int from_dirfd, const char *_Nonnull from, int to_dirfd,
                                const char *_Nonnull to, unsigned flags) {
  CL_RET((int)syscall(SYS_move_mount, from_dirfd, from, to_dirfd, to, flags));
}
static inline int cl_fsopen(const char *_Nonnull type, unsigned flags) {
  CL_RET((int)syscall(SYS_fsopen, type, flags));
}
static inline int cl_fsconfig(int fd, unsigned command, const char *_Nullable key,
                              const void *_Nullable value, int aux) {
  CL_RET((int)syscall(SYS_fsconfig, fd, command, key, value, aux));
}
static inline int cl_fsmount(int fd, unsigned flags, unsigned attributes) {
  CL_RET((int)syscall(SYS_fsmount, fd, flags, attributes));
}
static inline int cl_mount_setattr(int dirfd, const char *_Nonnull path, unsigned flags,
                                   uint64_t set, uint64_t clear, uint64_t propagation,
                                   uint64_t userns_fd) {
  struct mount_attr attributes = {
      .attr_set = set, .attr_clr = clear, .propagation = propagation, .userns_fd = userns_fd};
  CL_RET((int)syscall(SYS_mount_setattr, dirfd, path, flags, &attributes, sizeof attributes));
}

// The mount flags are an anonymous enum in glibc; restated as plain constants for Swift.
#define CL_FLAG(name) static const unsigned long CL_##name = name
CL_FLAG(MS_RDONLY);
CL_FLAG(MS_NOSUID);
CL_FLAG(MS_NODEV);
CL_FLAG(MS_NOEXEC);
CL_FLAG(MS_SYNCHRONOUS);
CL_FLAG(MS_REMOUNT);
CL_FLAG(MS_MANDLOCK);
CL_FLAG(MS_DIRSYNC);
static const unsigned long CL_MS_NOSYMFOLLOW = 256;
CL_FLAG(MS_NOATIME);
CL_FLAG(MS_NODIRATIME);
CL_FLAG(MS_BIND);
CL_FLAG(MS_MOVE);
CL_FLAG(MS_REC);
CL_FLAG(MS_SILENT);
CL_FLAG(MS_POSIXACL);
CL_FLAG(MS_UNBINDABLE);
CL_FLAG(MS_PRIVATE);
CL_FLAG(MS_SLAVE);
CL_FLAG(MS_SHARED);
CL_FLAG(MS_RELATIME);
CL_FLAG(MS_I_VERSION);
CL_FLAG(MS_STRICTATIME);
CL_FLAG(MS_LAZYTIME);
CL_FLAG(MNT_FORCE);
CL_FLAG(MNT_DETACH);
CL_FLAG(UMOUNT_NOFOLLOW);
CL_FLAG(OPEN_TREE_CLONE);
CL_FLAG(OPEN_TREE_CLOEXEC);
static const unsigned long CL_AT_RECURSIVE = 0x8000;
CL_FLAG(MOVE_MOUNT_F_EMPTY_PATH);
CL_FLAG(MOVE_MOUNT_T_EMPTY_PATH);
CL_FLAG(MOVE_MOUNT_T_SYMLINKS);
CL_FLAG(FSOPEN_CLOEXEC);
CL_FLAG(FSMOUNT_CLOEXEC);
CL_FLAG(FSCONFIG_SET_FLAG);
CL_FLAG(FSCONFIG_SET_STRING);
CL_FLAG(FSCONFIG_SET_BINARY);
CL_FLAG(FSCONFIG_SET_FD);
CL_FLAG(FSCONFIG_CMD_CREATE);
CL_FLAG(FSCONFIG_CMD_RECONFIGURE);
CL_FLAG(MOUNT_ATTR_RDONLY);
CL_FLAG(MOUNT_ATTR_NOSUID);
CL_FLAG(MOUNT_ATTR_NODEV);
CL_FLAG(MOUNT_ATTR_NOEXEC);
CL_FLAG(MOUNT_ATTR__ATIME);
CL_FLAG(MOUNT_ATTR_RELATIME);
CL_FLAG(MOUNT_ATTR_NOATIME);
CL_FLAG(MOUNT_ATTR_STRICTATIME);
CL_FLAG(MOUNT_ATTR_NODIRATIME);
CL_FLAG(MOUNT_ATTR_IDMAP);
static const unsigned long CL_MOUNT_ATTR_NOSYMFOLLOW = 0x00200000;
#undef CL_FLAG

/// The descriptor of the read-only view that this program was executed from, until it is closed; 0 when there is none.
///
/// Closed by the exec itself it would keep the program waiting for an RCU grace period, which ends the detached mount.
extern int cl_binary_view;
static inline void cl_binary_view_close(void) {
  if (cl_binary_view > 0) close(cl_binary_view);
  cl_binary_view = 0;
}

#endif
