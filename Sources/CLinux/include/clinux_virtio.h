#ifndef CLINUX_VIRTIO_H
#define CLINUX_VIRTIO_H

#include "clinux_base.h"
#include "clinux_thread.h"
#include <linux/virtio_balloon.h>
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

/// A descriptor of a ring, as the driver wrote it (virtio 1.2, 2.7.5).
struct cl_descriptor {
  uint64_t address;
  uint32_t length;
  uint16_t flags;
  uint16_t next;
};
_Static_assert(sizeof(struct cl_descriptor) == sizeof(struct vring_desc), "struct vring_desc");

/// A copy of a descriptor by two loads of its own size; the address need not be aligned.
static inline struct cl_descriptor cl_load_descriptor(const void *_Nonnull from) {
  typedef uint64_t __attribute__((aligned(1), may_alias)) word;
  const volatile word *words = (const volatile word *)from;
  uint64_t address = words[0], rest = words[1];
  return (struct cl_descriptor){.address = address,
                                .length = (uint32_t)rest,
                                .flags = (uint16_t)(rest >> 32),
                                .next = (uint16_t)(rest >> 48)};
}

// Words that several threads of this process change.
static inline uint32_t cl_fetch_or32(uint32_t *_Nonnull p, uint32_t v) { return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST); }
static inline uint32_t cl_fetch_add32(uint32_t *_Nonnull p, uint32_t v) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); }
static inline uint32_t cl_fetch_and32(uint32_t *_Nonnull p, uint32_t v) { return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST); }

static inline void cl_condition_init(pthread_cond_t *_Nonnull condition) { pthread_cond_init(condition, NULL); }
static inline void cl_condition_destroy(pthread_cond_t *_Nonnull condition) { pthread_cond_destroy(condition); }
static inline void cl_condition_wait(pthread_cond_t *_Nonnull condition, pthread_mutex_t *_Nonnull mutex) { pthread_cond_wait(condition, mutex); }
static inline void cl_condition_broadcast(pthread_cond_t *_Nonnull condition) { pthread_cond_broadcast(condition); }

static inline ssize_t cl_getrandom(void *_Nonnull bytes, size_t count) { CL_RET(getrandom(bytes, count, 0)); }

/// A timer of the monotonic clock, to be polled.
static inline int cl_timerfd(void) { CL_RET(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)); }
/// Makes a timer readable once, after `nanoseconds`; 0 stops it.
static inline int cl_timerfd_arm(int fd, int64_t nanoseconds) {
  struct itimerspec when = {.it_value = {.tv_sec = nanoseconds / 1000000000,
                                         .tv_nsec = nanoseconds % 1000000000}};
  CL_RET(timerfd_settime(fd, 0, &when, NULL));
}

/// Each change of the descriptor is told once, so that an eventfd need not be read.
static const uint32_t CL_EPOLLET = EPOLLET;

#endif
