#ifndef CLINUX_FILESERVER_H
#define CLINUX_FILESERVER_H

#include "clinux_base.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>

/// What a thread that serves files knows of itself.
///
/// Identity, capabilities, umask and working directory are the thread's own here: raw system calls
/// change the calling thread alone, unlike those of the C library.
struct cl_fs_thread {
  bool prepared;
  /// Whether CAP_FSETID is effective: what it writes keeps set-user-ID and set-group-ID.
  bool keeps_suid;
  /// Its umask; -1 while unknown.
  int umask;
  uid_t uid;
  gid_t gid;
  /// The group by which the kernel judges whether it may keep set-group-ID.
  gid_t file_gid;
  uint64_t permitted;
  uint64_t inheritable;
  /// CL_FS_MEMORY bytes, freed with the thread.
  uint8_t *_Nullable memory;
};
enum { CL_FS_MEMORY = 192 << 10 };

/// The calling thread's record; its memory is NULL when there is none left.
struct cl_fs_thread *_Nonnull cl_fs_thread(void);

/// Gives the thread its own umask and a working directory in which a descriptor's number is a path
/// to its file, and drops its supplementary groups.
int cl_fs_prepare(struct cl_fs_thread *_Nonnull thread, int proc_self_fd);

/// Gives up all capabilities of the thread but these, for good. To be called between requests.
int cl_fs_limit(struct cl_fs_thread *_Nonnull thread, uint64_t kept);

/// Takes the identity for making files, with as much privilege as making them needs; `group` is a
/// supplementary group to have, or -1. With `keeps_suid` set-group-ID stays in the modes of new files.
int cl_fs_become(struct cl_fs_thread *_Nonnull thread, uid_t uid, gid_t gid, int64_t group,
                 bool keeps_suid);
/// Ends `cl_fs_become`; the process dies when that fails.
void cl_fs_return(struct cl_fs_thread *_Nonnull thread, uid_t uid, gid_t gid, int64_t group);
/// Makes CAP_FSETID effective, or takes it away and makes `gid` the group that may keep
/// set-group-ID.
int cl_fs_keep_suid(struct cl_fs_thread *_Nonnull thread, bool keeps, gid_t gid);

static inline int cl_fs_statx(int dirfd, const char *_Nonnull path, int flags, unsigned mask,
                           struct statx *_Nonnull result) {
  CL_RET((int)syscall(SYS_statx, dirfd, path, flags, mask, result));
}
static inline ssize_t cl_fs_preadv(int fd, const struct iovec *_Nonnull segments, int count,
                                off_t offset) {
  CL_RET(preadv(fd, segments, count, offset));
}
static inline ssize_t cl_fs_pwritev2(int fd, const struct iovec *_Nonnull segments, int count,
                                  off_t offset, int flags) {
  CL_RET(pwritev2(fd, segments, count, offset, flags));
}
static inline int cl_fs_renameat2(int from_dirfd, const char *_Nonnull from, int to_dirfd,
                               const char *_Nonnull to, unsigned flags) {
  CL_RET((int)syscall(SYS_renameat2, from_dirfd, from, to_dirfd, to, flags));
}
static inline int cl_fs_linkat(int from_dirfd, const char *_Nonnull from, int to_dirfd,
                            const char *_Nonnull to, int flags) {
  CL_RET(linkat(from_dirfd, from, to_dirfd, to, flags));
}
static inline int cl_fs_utimensat(int dirfd, const char *_Nonnull path,
                               const struct timespec times[_Nonnull 2], int flags) {
  CL_RET((int)syscall(SYS_utimensat, dirfd, path, times, flags));
}
static inline off_t cl_fs_lseek(int fd, off_t offset, int whence) {
  CL_RET(lseek(fd, offset, whence));
}
static inline ssize_t cl_fs_copy_file_range(int from, off_t from_offset, int to, off_t to_offset,
                                         size_t count) {
  CL_RET(copy_file_range(from, &from_offset, to, &to_offset, count, 0));
}
static inline int cl_fs_fdatasync(int fd) { CL_RET(fdatasync(fd)); }
static inline int cl_fs_syncfs(int fd) { CL_RET(syncfs(fd)); }
static inline ssize_t cl_fs_getxattr(const char *_Nonnull path, const char *_Nonnull name,
                                  void *_Nullable value, size_t size) {
  CL_RET(getxattr(path, name, value, size));
}
static inline int cl_fs_setxattr(const char *_Nonnull path, const char *_Nonnull name,
                              const void *_Nullable value, size_t size, int flags) {
  CL_RET(setxattr(path, name, value, size, flags));
}
static inline ssize_t cl_fs_listxattr(const char *_Nonnull path, char *_Nullable list, size_t size) {
  CL_RET(listxattr(path, list, size));
}
static inline int cl_fs_removexattr(const char *_Nonnull path, const char *_Nonnull name) {
  CL_RET(removexattr(path, name));
}

/// Device numbers as FUSE carries them (new_encode_dev of the kernel).
static inline uint32_t cl_fs_encode_device(unsigned major_, unsigned minor_) {
  return (minor_ & 0xff) | (major_ << 8) | ((minor_ & ~0xffu) << 12);
}
static inline dev_t cl_fs_decode_device(uint32_t device) {
  return makedev((device & 0xfff00) >> 8, (device & 0xff) | ((device >> 12) & 0xfff00));
}

static inline uint64_t cl_fs_atomic_load(const uint64_t *_Nonnull p) {
  return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline void cl_fs_atomic_store(uint64_t *_Nonnull p, uint64_t value) {
  __atomic_store_n(p, value, __ATOMIC_RELEASE);
}
static inline uint64_t cl_fs_atomic_exchange(uint64_t *_Nonnull p, uint64_t value) {
  return __atomic_exchange_n(p, value, __ATOMIC_ACQ_REL);
}
/// Whether the value was `expected` and is `desired` now.
static inline bool cl_fs_atomic_replace(uint64_t *_Nonnull p, uint64_t expected, uint64_t desired) {
  return __atomic_compare_exchange_n(p, &expected, desired, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE);
}
/// The value before the subtraction.
static inline uint64_t cl_fs_atomic_subtract(uint64_t *_Nonnull p, uint64_t value) {
  return __atomic_fetch_sub(p, value, __ATOMIC_ACQ_REL);
}

/// The fields of the getdents64 record at `offset`, whose whole length is returned; 0 when there is
/// no whole record.
struct cl_fs_entry {
  uint64_t inode;
  uint64_t cookie;
  const char *_Nonnull name;
  uint32_t length;
  uint32_t type;
};
static inline struct cl_fs_entry cl_fs_no_entry(void) { return (struct cl_fs_entry){.name = ""}; }
static inline size_t cl_fs_entry_at(const void *_Nonnull buffer, size_t filled, size_t offset,
                                    struct cl_fs_entry *_Nonnull result) {
  const size_t header = 8 + 8 + 2 + 1;
  if (offset > filled || filled - offset <= header) return 0;
  const char *record = (const char *)buffer + offset;
  uint16_t length;
  memcpy(&result->inode, record, 8);
  memcpy(&result->cookie, record + 8, 8);
  memcpy(&length, record + 16, 2);
  if (length <= header || length > filled - offset) return 0;
  result->type = (uint8_t)record[18];
  result->name = record + header;
  result->length = (uint32_t)strnlen(result->name, length - header);
  return length;
}

/// The number in decimal, as a path relative to /proc/self/fd.
struct cl_fs_path {
  char text[16];
};
static inline void cl_fs_path(int fd, struct cl_fs_path *_Nonnull result) {
  char digits[12];
  int count = 0;
  unsigned rest = (unsigned)fd;
  do digits[count++] = (char)('0' + rest % 10);
  while (rest /= 10);
  for (int i = 0; i < count; i++) result->text[i] = digits[count - 1 - i];
  result->text[count] = 0;
}
static inline const char *_Nonnull cl_fs_text(const struct cl_fs_path *_Nonnull path) {
  return path->text;
}

enum {
  CL_STATX_NEEDED = STATX_BASIC_STATS | STATX_MNT_ID,
  CL_O_PATH = O_PATH,
  CL_O_TMPFILE = O_TMPFILE,
  CL_O_DIRECT = O_DIRECT,
  CL_O_NOATIME = O_NOATIME,
  CL_RWF_APPEND = RWF_APPEND,
  CL_RWF_DSYNC = RWF_DSYNC,
  CL_RWF_SYNC = RWF_SYNC,
  CL_UTIME_NOW = UTIME_NOW,
  CL_UTIME_OMIT = UTIME_OMIT,
};

#endif
