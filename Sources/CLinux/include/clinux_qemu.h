#ifndef CLINUX_QEMU_H
#define CLINUX_QEMU_H

#include "clinux_base.h"
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <time.h>

/// Both clocks at one moment: the read of the counter that took least of ten.
static inline void cl_tsc_sample(uint64_t *_Nonnull ticks, int64_t *_Nonnull nanoseconds) {
  int64_t best = INT64_MAX;
  for (int i = 0; i < 10; i++) {
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC_RAW, &before);
    uint64_t counter = __builtin_ia32_rdtsc();
    clock_gettime(CLOCK_MONOTONIC_RAW, &after);
    int64_t start = (int64_t)before.tv_sec * 1000000000 + before.tv_nsec;
    int64_t took = (int64_t)after.tv_sec * 1000000000 + after.tv_nsec - start;
    if (took >= best) continue;
    best = took;
    *ticks = counter;
    *nanoseconds = start + took / 2;
  }
}
/// The rate of this processor's time stamp counter in kHz, measured over 20 ms.
static inline uint64_t cl_tsc_khz(void) {
  uint64_t first, last;
  int64_t start, end;
  cl_tsc_sample(&first, &start);
  struct timespec pause = {.tv_nsec = 20000000};
  nanosleep(&pause, NULL);
  cl_tsc_sample(&last, &end);
  return end > start ? (uint64_t)((__uint128_t)(last - first) * 1000000 / (uint64_t)(end - start)) : 0;
}
/// Copies a whole file from its beginning, leaving its position alone. Bytes, or -errno.
static inline ssize_t cl_copy_contents(int to, int from) {
  off_t offset = 0;
  for (;;) {
    ssize_t count = sendfile(to, from, &offset, 1 << 30);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -errno;
    if (count == 0) return offset;
  }
}
/// Whether a read would find bytes now.
static inline bool cl_has_bytes(int fd) {
  struct pollfd polled = {.fd = fd, .events = POLLIN};
  return poll(&polled, 1, 0) > 0 && (polled.revents & POLLIN) != 0;
}
/// No copy of this process's memory is ever written to a file.
static inline int cl_forbid_core_files(void) {
  struct rlimit none = {0, 0};
  CL_RET(setrlimit(RLIMIT_CORE, &none));
}
/// The parent's end is this process's. To be called after the last change of credentials.
static inline int cl_die_with_parent(void) { CL_RET(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)); }
/// The signal that ended a process, by its wait status; 0 when it exited.
static inline int cl_ending_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

#endif
