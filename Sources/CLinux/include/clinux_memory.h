#ifndef CLINUX_MEMORY_H
#define CLINUX_MEMORY_H

#include "clinux_base.h"
#include <linux/falloc.h>
#include <fcntl.h>
#include <sys/mman.h>

/// mmap; the address, or -errno as a pointer-sized number that `cl_map_error` tells apart.
static inline void *_Nullable cl_mmap(void *_Nullable address, size_t length, int protection,
                                      int flags, int fd, int64_t offset) {
  void *result = mmap(address, length, protection, flags, fd, offset);
  return result == MAP_FAILED ? NULL : result;
}
/// The errno of the last call; to be asked at once after `cl_mmap` returned NULL.
static inline int cl_errno(void) { return errno; }
static inline int cl_munmap(void *_Nonnull address, size_t length) {
  CL_RET(munmap(address, length));
}
/// Moves a whole mapping to `target`, in place of what is there.
static inline int cl_move_mapping(void *_Nonnull from, size_t length, void *_Nonnull target) {
  CL_RET(mremap(from, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, target) == MAP_FAILED ? -1 : 0);
}
static inline int cl_mprotect(void *_Nonnull address, size_t length, int protection) {
  CL_RET(mprotect(address, length, protection));
}
static inline int cl_madvise(void *_Nonnull address, size_t length, int advice) {
  CL_RET(madvise(address, length, advice));
}
// The linker's: where the program begins, and where what is executed of it ends.
extern const char cl_program_start[] __asm__("__executable_start");
extern const char cl_program_text_end[] __asm__("etext");
// Takes the pages of the program's text from this process: what is used again is mapped again, from the file.
static inline int cl_release_text(void) {
  uintptr_t start = (uintptr_t)cl_program_start & ~(uintptr_t)4095;
  uintptr_t end = (uintptr_t)cl_program_text_end & ~(uintptr_t)4095;
  CL_RET(madvise((void *)start, end - start, MADV_DONTNEED));
}
static inline int cl_fallocate(int fd, int mode, int64_t offset, int64_t length) {
  CL_RET(fallocate(fd, mode, offset, length));
}

// What a guest changes at any time is read and written by single accesses of its own size: the
// compiler must neither repeat nor tear them.
static inline uint8_t cl_load8(const void *_Nonnull p) { return __atomic_load_n((const uint8_t *)p, __ATOMIC_ACQUIRE); }
static inline uint16_t cl_load16(const void *_Nonnull p) { return __atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE); }
static inline uint32_t cl_load32(const void *_Nonnull p) { return __atomic_load_n((const uint32_t *)p, __ATOMIC_ACQUIRE); }
static inline uint64_t cl_load64(const void *_Nonnull p) { return __atomic_load_n((const uint64_t *)p, __ATOMIC_ACQUIRE); }
static inline void cl_store8(void *_Nonnull p, uint8_t v) { __atomic_store_n((uint8_t *)p, v, __ATOMIC_RELEASE); }
static inline void cl_store16(void *_Nonnull p, uint16_t v) { __atomic_store_n((uint16_t *)p, v, __ATOMIC_RELEASE); }
static inline void cl_store32(void *_Nonnull p, uint32_t v) { __atomic_store_n((uint32_t *)p, v, __ATOMIC_RELEASE); }
static inline void cl_store64(void *_Nonnull p, uint64_t v) { __atomic_store_n((uint64_t *)p, v, __ATOMIC_RELEASE); }
/// Orders what was written before it against what is read after it (virtio 1.2, 2.7.7, 2.7.13).
static inline void cl_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

enum {
  CL_MAP_SHARED = MAP_SHARED,
  CL_MAP_PRIVATE = MAP_PRIVATE,
  CL_MAP_ANONYMOUS = MAP_ANONYMOUS,
  CL_MAP_NORESERVE = MAP_NORESERVE,
  CL_MAP_FIXED = MAP_FIXED,
};

#endif
