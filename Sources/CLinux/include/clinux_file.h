#ifndef CLINUX_FILE_H
#define CLINUX_FILE_H

#include "clinux_base.h"
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static inline int cl_openat(int dirfd, const char *_Nonnull path, int flags, mode_t mode) {
  CL_RET(openat(dirfd, path, flags, mode));
}
static inline int cl_openat2(int dirfd, const char *_Nonnull path, uint64_t flags, uint64_t mode,
                             uint64_t resolve) {
  struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
  CL_RET((int)syscall(SYS_openat2, dirfd, path, &how, sizeof how));
}
static inline int cl_close(int fd) { CL_RET(close(fd)); }
static inline int cl_close_range(unsigned first, unsigned last, unsigned flags) {
  CL_RET((int)syscall(SYS_close_range, first, last, flags));
}
#define CL_CLOSE_RANGE_CLOEXEC 4
static inline int cl_dup(int fd) { CL_RET(fcntl(fd, F_DUPFD_CLOEXEC, 3)); }
static inline int cl_dup2(int from, int to) { CL_RET(dup2(from, to)); }
static inline int cl_dup3(int from, int to, int flags) { CL_RET(dup3(from, to, flags)); }
static inline int cl_fcntl(int fd, int command, long argument) {
  CL_RET(fcntl(fd, command, argument));
}
static inline ssize_t cl_read(int fd, void *_Nullable buffer, size_t count) {
  CL_RET(read(fd, buffer, count));
}
static inline ssize_t cl_write(int fd, const void *_Nullable buffer, size_t count) {
  CL_RET(write(fd, buffer, count));
}
static inline ssize_t cl_pread(int fd, void *_Nullable buffer, size_t count, off_t offset) {
  CL_RET(pread(fd, buffer, count, offset));
}
static inline ssize_t cl_splice(int from, int to, size_t count, unsigned flags) {
  CL_RET(splice(from, NULL, to, NULL, count, flags));
}
static inline int cl_fstat(int fd, struct stat *_Nonnull result) { CL_RET(fstat(fd, result)); }
static inline int cl_fstatat(int dirfd, const char *_Nonnull path, struct stat *_Nonnull result,
                             int flags) {
  CL_RET(fstatat(dirfd, path, result, flags));
}
static inline int cl_fstatfs(int fd, struct statfs *_Nonnull result) {
  CL_RET(fstatfs(fd, result));
}
static inline int cl_statfs(const char *_Nonnull path, struct statfs *_Nonnull result) {
  CL_RET(statfs(path, result));
}
static inline int cl_mkdirat(int dirfd, const char *_Nonnull path, mode_t mode) {
  CL_RET(mkdirat(dirfd, path, mode));
}
static inline int cl_mknodat(int dirfd, const char *_Nonnull path, mode_t mode, dev_t device) {
  CL_RET(mknodat(dirfd, path, mode, device));
}
static inline int cl_mkfifoat(int dirfd, const char *_Nonnull path, mode_t mode) {
  CL_RET(mkfifoat(dirfd, path, mode));
}
static inline int cl_symlinkat(const char *_Nonnull target, int dirfd,
                               const char *_Nonnull path) {
  CL_RET(symlinkat(target, dirfd, path));
}
static inline int cl_unlinkat(int dirfd, const char *_Nonnull path, int flags) {
  CL_RET(unlinkat(dirfd, path, flags));
}
static inline int cl_renameat(int from_dirfd, const char *_Nonnull from, int to_dirfd,
                              const char *_Nonnull to) {
  CL_RET(renameat(from_dirfd, from, to_dirfd, to));
}
static inline ssize_t cl_readlinkat(int dirfd, const char *_Nonnull path, void *_Nonnull buffer,
                                    size_t size) {
  CL_RET(readlinkat(dirfd, path, buffer, size));
}
static inline int cl_faccessat(int dirfd, const char *_Nonnull path, int mode, int flags) {
  CL_RET((int)syscall(SYS_faccessat2, dirfd, path, mode, flags));
}
static inline int cl_fchmod(int fd, mode_t mode) { CL_RET(fchmod(fd, mode)); }
static inline int cl_fchmodat(int dirfd, const char *_Nonnull path, mode_t mode) {
  CL_RET(fchmodat(dirfd, path, mode, 0));
}
static inline int cl_fchownat(int dirfd, const char *_Nonnull path, uid_t uid, gid_t gid,
                              int flags) {
  CL_RET(fchownat(dirfd, path, uid, gid, flags));
}
static inline int cl_flock(int fd, int operation) { CL_RET(flock(fd, operation)); }
static inline int cl_fsync(int fd) { CL_RET(fsync(fd)); }
static inline off_t cl_lseek(int fd, off_t offset, int whence) {
  CL_RET(lseek(fd, offset, whence));
}
static inline int cl_ftruncate(int fd, off_t length) { CL_RET(ftruncate(fd, length)); }
static inline int cl_memfd_create(const char *_Nonnull name, unsigned flags) {
  CL_RET((int)syscall(SYS_memfd_create, name, flags));
}
/// The bytes copied, from the source's own position on.
static inline ssize_t cl_sendfile(int to, int from, size_t count) {
  CL_RET(sendfile(to, from, NULL, count));
}
static inline int cl_fchdir(int fd) { CL_RET(fchdir(fd)); }
static inline int cl_chdir(const char *_Nonnull path) { CL_RET(chdir(path)); }
static inline int cl_chroot(const char *_Nonnull path) { CL_RET(chroot(path)); }
/// The raw system call: unlike the C library's it does not turn an unreachable directory into an
/// absolute path, so "(unreachable)/x" is seen (CVE-2024-21626). The length with NUL, or -errno.
static inline long cl_getcwd(char *_Nonnull buffer, size_t size) {
  CL_RET(syscall(SYS_getcwd, buffer, size));
}
static inline int cl_pipe2(int fds[_Nonnull 2], int flags) { CL_RET(pipe2(fds, flags)); }
static inline int cl_poll(struct pollfd *_Nullable fds, unsigned long count, int timeout) {
  CL_RET(poll(fds, count, timeout));
}
/// Raw getdents64; the buffer then holds `struct dirent64` records.
static inline ssize_t cl_getdents64(int fd, void *_Nonnull buffer, size_t size) {
  CL_RET((ssize_t)syscall(SYS_getdents64, fd, buffer, size));
}
static inline ssize_t cl_fgetxattr(int fd, const char *_Nonnull name, void *_Nullable value,
                                   size_t size) {
  CL_RET(fgetxattr(fd, name, value, size));
}

static inline unsigned cl_major(dev_t device) { return major(device); }
static inline unsigned cl_minor(dev_t device) { return minor(device); }
static inline dev_t cl_makedev(unsigned major_, unsigned minor_) { return makedev(major_, minor_); }

#endif
