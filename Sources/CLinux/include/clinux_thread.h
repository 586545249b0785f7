#ifndef CLINUX_THREAD_H
#define CLINUX_THREAD_H

#include "clinux_base.h"
#include "clinux_event.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/// Starts a detached thread with a stack of `stack` bytes and the name `name` (15 bytes).
///
/// All signals but SIGSYS are blocked in it.
static inline int cl_thread_start(const char *_Nonnull name, size_t stack,
                                  void *_Nullable (*_Nonnull body)(void *_Nullable),
                                  void *_Nullable argument, pthread_t *_Nonnull thread) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack);
  sigset_t all, before;
  sigfillset(&all);
  // A system call that the filter forbids is told by its handler; blocked, it would end us mutely.
  sigdelset(&all, SIGSYS);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // The thread inherits its name: naming another one needs /proc, which a jail lacks.
  char own[16];
  prctl(PR_GET_NAME, own);
  prctl(PR_SET_NAME, name);
  int result = pthread_create(thread, &attributes, body, argument);
  prctl(PR_SET_NAME, own);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return -result;
}
static inline int cl_thread_join(pthread_t thread) { return -pthread_join(thread, NULL); }
static inline int cl_thread_detach(pthread_t thread) { return -pthread_detach(thread); }
static inline pthread_t cl_thread_self(void) { return pthread_self(); }
static inline int cl_thread_kill(pthread_t thread, int signal) { return -pthread_kill(thread, signal); }
static inline pid_t cl_gettid(void) { return (pid_t)syscall(SYS_gettid); }

static inline void cl_mutex_init(pthread_mutex_t *_Nonnull mutex) { pthread_mutex_init(mutex, NULL); }
static inline void cl_mutex_destroy(pthread_mutex_t *_Nonnull mutex) { pthread_mutex_destroy(mutex); }
static inline void cl_mutex_lock(pthread_mutex_t *_Nonnull mutex) { pthread_mutex_lock(mutex); }
static inline void cl_mutex_unlock(pthread_mutex_t *_Nonnull mutex) { pthread_mutex_unlock(mutex); }

/// The numbers `first` up to and without `end` in one word, to be taken one by one from either side.
static inline uint64_t cl_range_make(uint32_t first, uint32_t end) { return (uint64_t)end << 32 | first; }
/// Takes the first number; -1 when none is left.
static inline int64_t cl_range_take_first(uint64_t *_Nonnull range) {
  uint64_t now = __atomic_load_n(range, __ATOMIC_RELAXED);
  do
    if ((uint32_t)now >= now >> 32) return -1;
  while (!__atomic_compare_exchange_n(range, &now, now + 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return (uint32_t)now;
}
/// Takes the last number; -1 when none is left.
static inline int64_t cl_range_take_last(uint64_t *_Nonnull range) {
  uint64_t now = __atomic_load_n(range, __ATOMIC_RELAXED);
  do
    if ((uint32_t)now >= now >> 32) return -1;
  while (!__atomic_compare_exchange_n(range, &now, now - (1ULL << 32), true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return (int64_t)(now >> 32) - 1;
}
/// How many processors this thread may run on; 1 when that is not known.
static inline int cl_processors(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

/// Adds 1 to an eventfd.
static inline int cl_eventfd_signal(int fd) {
  uint64_t one = 1;
  CL_RET((int)write(fd, &one, sizeof one));
}
/// Takes what an eventfd holds; -EAGAIN when that is nothing.
static inline int cl_eventfd_take(int fd) {
  uint64_t count;
  CL_RET((int)read(fd, &count, sizeof count));
}
static inline int cl_epoll_create(void) { CL_RET(epoll_create1(EPOLL_CLOEXEC)); }
static inline int cl_epoll_control(int epoll, int operation, int fd, uint32_t events,
                                   uint64_t token) {
  struct epoll_event event = {.events = events, .data.u64 = token};
  CL_RET(epoll_ctl(epoll, operation, fd, &event));
}
static inline int cl_epoll_wait(int epoll, struct epoll_event *_Nonnull events, int count,
                                int timeout) {
  CL_RET(epoll_wait(epoll, events, count, timeout));
}
/// The signal that ends `cl_epoll_wait_awake`; it does nothing else.
static inline int cl_wake_signal(void) { return SIGRTMIN + 1; }
static inline void cl_wake_nothing(int signal) { (void)signal; }
static inline int cl_wake_install(void) {
  struct sigaction action = {.sa_handler = cl_wake_nothing};
  CL_RET(sigaction(cl_wake_signal(), &action, NULL));
}
/// Waits for events, or for the signal that is blocked at all other times: none is missed. At most
/// `patience` milliseconds, -1 for as long as it takes.
static inline int cl_epoll_wait_awake(int epoll, struct epoll_event *_Nonnull events, int count,
                                      int patience) {
  sigset_t blocked;
  sigfillset(&blocked);
  sigdelset(&blocked, SIGSYS);
  sigdelset(&blocked, cl_wake_signal());
  CL_RET(epoll_pwait(epoll, events, count, patience, &blocked));
}
/// The token of an event.
static inline uint64_t cl_epoll_token(const struct epoll_event *_Nonnull event) {
  return event->data.u64;
}

enum {
  CL_EPOLLIN = EPOLLIN,
  CL_EPOLLOUT = EPOLLOUT,
  CL_EPOLLHUP = EPOLLHUP,
  CL_EPOLLERR = EPOLLERR,
  CL_EPOLLRDHUP = EPOLLRDHUP,
};

#endif
