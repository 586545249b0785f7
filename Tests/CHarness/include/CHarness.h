#ifndef CHARNESS_H
#define CHARNESS_H

// What the tests need of the C library and Swift cannot call: starting a program with exact
// descriptors, terminals, and identities. Errors are -errno. No product target imports this.

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ch_program {
  const char *_Nonnull path;
  char *_Nullable const *_Nonnull argv;
  char *_Nullable const *_Nonnull envp;
  const char *_Nullable cwd;
  /// The child's descriptor i is fds[i] of ours, or closed where that is -1. All others are closed.
  const int *_Nonnull fds;
  int fd_count;
  /// Descriptor 0 becomes the controlling terminal of a new session.
  int terminal;
  /// In a mount namespace of its own.
  int private_mounts;
  /// -1 leaves the identity alone.
  int64_t uid;
};

/// The pid, and in `pidfd` a descriptor of it; -errno where the program could not be executed.
pid_t ch_spawn(const struct ch_program *_Nonnull program, int *_Nonnull pidfd);
/// Until `ch_release_spawns` no child is between its birth and its program: it would hold a file that is
/// being written, and until it has let go nobody could execute that file (ETXTBSY).
void ch_hold_spawns(void);
void ch_release_spawns(void);
/// The wait status of a child that has ended, or -errno.
int ch_reap(pid_t pid, int *_Nonnull status);
int ch_pidfd_send_signal(int pidfd, int signal);
/// The exit code as shells count it: the code, or 128 + signal.
int ch_exit_code(int status);
int ch_pipe(int fds[_Nonnull 2]);
/// A master with its slave, both close-on-exec.
int ch_open_terminal(int *_Nonnull master, int *_Nonnull slave);
int ch_set_window(int fd, unsigned short rows, unsigned short columns);
/// 1 when the terminal is in raw mode (no echo, no line editing), 0 when not.
int ch_is_raw(int fd);
/// A listening unix socket at `path`.
int ch_listen(const char *_Nonnull path);
/// A unix socket at `path` that datagrams come to.
int ch_receive_datagrams(const char *_Nonnull path);
/// The next connection of a listening socket, or -errno.
int ch_accept(int listener);
/// Accepts one connection within `timeout_ms` and receives one message with up to `capacity`
/// descriptors: the count of these; the message's bytes and length are filled.
int ch_accept_descriptors(int listener, int timeout_ms, int *_Nonnull fds, int capacity,
                          char *_Nonnull bytes, size_t size, size_t *_Nonnull length);
/// Receives one seccomp notification and answers it with this errno (a negative result for the
/// caller), or lets the call go on when it is 0. The number of the call, or -errno.
int ch_answer_notification(int listener, int timeout_ms, int error);
/// A child that exchanges the two names, as fast as it can, until it is killed.
pid_t ch_start_exchanging(const char *_Nonnull one, const char *_Nonnull other);
int ch_poll_input(int fd, int timeout_ms);
/// Makes a thread of another process do a system call of this number instead of its next one, with
/// `third` as third argument and those of an anonymous mmap(2) as others; 0 or -errno.
int ch_inject_call(pid_t thread, long number, unsigned long third);

#endif
