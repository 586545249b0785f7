// Locks of both kinds, between two processes.
#include "areas.h"
#include <sys/file.h>

static int asks[2], answers[2];
static int theirs;

typedef struct {
  char kind;  // f: flock, p: fcntl, o: fcntl by open file, r: reopen, u: unlock everything, q: query
  short type;
  int start, length;
} Ask;

static long lock(int fd, int command, short type, int start, int length, struct flock *out) {
  struct flock area = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
  long result = fcntl(fd, command, &area);
  if (out) *out = area;
  return result;
}

static void answer(void) {
  Ask ask;
  while (read(asks[0], &ask, sizeof ask) == sizeof ask) {
    long result = 0;
    struct flock found;
    switch (ask.kind) {
    case 'f': result = flock(theirs, ask.type | LOCK_NB); break;
    case 'p': result = lock(theirs, F_SETLK, ask.type, ask.start, ask.length, NULL); break;
    case 'o': result = lock(theirs, F_OFD_SETLK, ask.type, ask.start, ask.length, NULL); break;
    case 'q':
      result = lock(theirs, F_GETLK, ask.type, ask.start, ask.length, &found);
      if (result == 0) {
        result = found.l_type * 1000000 + found.l_start * 1000 + found.l_len;
        if (found.l_type != F_UNLCK && found.l_pid != getppid()) result = 9;
      }
      break;
    case 'w': result = lock(theirs, F_SETLKW, ask.type, ask.start, ask.length, NULL); break;
    case 'W': result = flock(theirs, ask.type); break;
    default:
      close(theirs);
      theirs = get("f", O_RDWR);
    }
    if (result < 0) result = -errno;
    need(write(answers[1], &result, sizeof result) == sizeof result, "answer");
  }
}

static void ask(char kind, short type, int start, int length) {
  Ask question = {kind, type, start, length};
  need(write(asks[1], &question, sizeof question) == sizeof question, "ask");
}

static void receive(const char *name) {
  long result;
  need(read(answers[0], &result, sizeof result) == sizeof result, "answer");
  errno = (int)-result;
  value(name, result < 0 ? -1 : result);
}

static void other(const char *name, char kind, short type, int start, int length) {
  ask(kind, type, start, length);
  receive(name);
}

void locks(void) {
  make("f", "0123456789", 0644);
  need(pipe(asks) == 0 && pipe(answers) == 0, "pipe");
  pid_t pid = fork();
  need(pid >= 0, "fork");
  if (pid == 0) {
    close(asks[1]);
    alarm(100);
    theirs = get("f", O_RDWR);
    answer();
    _exit(0);
  }
  close(asks[0]);
  // Not before the fork: the other process has none of what is locked here.
  int fd = get("f", O_RDWR);
  value("flock", flock(fd, LOCK_EX | LOCK_NB));
  other("flock by another", 'f', LOCK_EX, 0, 0);
  other("shared flock by another", 'f', LOCK_SH, 0, 0);
  value("flock becomes shared", flock(fd, LOCK_SH | LOCK_NB));
  other("shared flock then", 'f', LOCK_SH, 0, 0);
  value("exclusive beside it", flock(fd, LOCK_EX | LOCK_NB));
  other("they unlock", 'f', LOCK_UN, 0, 0);
  value("exclusive then", flock(fd, LOCK_EX | LOCK_NB));
  int again = get("f", O_RDWR);
  value("flock by an own second descriptor", flock(again, LOCK_EX | LOCK_NB));
  int copy = dup(fd);
  value("flock by a copied descriptor", flock(copy, LOCK_EX | LOCK_NB));
  close(fd);
  other("closed, but copied", 'f', LOCK_EX, 0, 0);
  close(copy);
  other("closed", 'f', LOCK_EX, 0, 0);
  value("flock of what they hold", flock(again, LOCK_EX | LOCK_NB));
  other("they open anew, which unlocks", 'r', 0, 0, 0);
  value("flock after it", flock(again, LOCK_EX | LOCK_NB));
  other("fcntl is apart from flock", 'p', F_WRLCK, 0, 0);
  other("they give it back", 'p', F_UNLCK, 0, 0);
  value("unlock flock", flock(again, LOCK_UN));
  value("flock with an unknown operation", flock(again, 64));
  fd = get("f", O_RDWR);
  value("fcntl of 0 to 9", lock(fd, F_SETLK, F_WRLCK, 0, 10, NULL));
  other("overlapping", 'p', F_WRLCK, 5, 10);
  other("who is it", 'q', F_WRLCK, 5, 10);
  other("beside", 'p', F_WRLCK, 10, 10);
  value("overlapping theirs", lock(fd, F_SETLK, F_RDLCK, 15, 10, NULL));
  value("one's own again", lock(fd, F_SETLK, F_WRLCK, 3, 5, NULL));
  value("a part becomes shared", lock(fd, F_SETLK, F_RDLCK, 4, 2, NULL));
  other("shared there", 'p', F_RDLCK, 4, 2);
  other("not shared beside", 'p', F_RDLCK, 6, 1);
  value("unlock in the middle", lock(fd, F_SETLK, F_UNLCK, 7, 1, NULL));
  other("what became free", 'p', F_WRLCK, 7, 1);
  other("who is it at 8", 'q', F_RDLCK, 8, 1);
  other("they unlock all", 'p', F_UNLCK, 0, 0);
  value("the whole file", lock(fd, F_SETLK, F_WRLCK, 0, 0, NULL));
  other("far behind the end", 'p', F_RDLCK, 1 << 30, 1);
  again = get("f", O_RDONLY);
  close(again);
  other("closing another descriptor unlocks", 'p', F_WRLCK, 0, 0);
  other("nobody else", 'q', F_WRLCK, 0, 0);
  other("they unlock", 'p', F_UNLCK, 0, 0);
  again = get("f", O_RDONLY);
  value("exclusive by a descriptor for reading", lock(again, F_SETLK, F_WRLCK, 0, 1, NULL));
  value("shared by a descriptor for reading", lock(again, F_SETLK, F_RDLCK, 0, 1, NULL));
  value("an unknown type", lock(fd, F_SETLK, 77, 0, 1, NULL));
  value("before the start", lock(fd, F_SETLK, F_WRLCK, -5, 1, NULL));
  value("a negative length", lock(fd, F_SETLK, F_WRLCK, 10, -5, NULL));
  value("unlock all", lock(fd, F_SETLK, F_UNLCK, 0, 0, NULL));
  value("by open file", lock(fd, F_OFD_SETLK, F_WRLCK, 0, 10, NULL));
  int second = get("f", O_RDWR);
  value("by a second open file of one process", lock(second, F_OFD_SETLK, F_WRLCK, 5, 10, NULL));
  struct flock found;
  value("what holds it", lock(second, F_OFD_GETLK, F_WRLCK, 5, 10, &found));
  say("the holder", "type %d from %ld for %ld pid %d", found.l_type, (long)found.l_start,
    (long)found.l_len, found.l_pid);
  other("by open file, of theirs", 'o', F_WRLCK, 0, 5);
  other("by process, of theirs", 'p', F_WRLCK, 0, 5);
  copy = dup(fd);
  close(fd);
  other("closed, but copied, by open file", 'o', F_WRLCK, 0, 5);
  close(copy);
  other("closed, by open file", 'o', F_WRLCK, 0, 5);
  other("unlock by open file", 'o', F_UNLCK, 0, 0);
  fd = get("f", O_RDWR);
  value("hold", lock(fd, F_SETLK, F_WRLCK, 0, 10, NULL));
  ask('w', F_WRLCK, 0, 10);
  value("let go of what another waits for", lock(fd, F_SETLK, F_UNLCK, 0, 0, NULL));
  receive("the other has it");
  value("and not this one", lock(fd, F_SETLK, F_WRLCK, 0, 10, NULL));
  value("hold another part", lock(fd, F_SETLK, F_WRLCK, 20, 10, NULL));
  ask('w', F_WRLCK, 20, 10);
  // Until they wait, there is nothing to lock up with.
  for (bool waits = false; !waits;) {
    FILE *stream = fopen("/proc/locks", "re");
    for (char line[256]; stream && fgets(line, sizeof line, stream);) waits |= strstr(line, "->") != NULL;
    if (stream) fclose(stream);
  }
  value("waiting for each other", lock(fd, F_SETLKW, F_WRLCK, 0, 10, NULL));
  value("let go", lock(fd, F_SETLK, F_UNLCK, 0, 0, NULL));
  receive("they go on");
  other("they let go", 'p', F_UNLCK, 0, 0);
  value("flock to be waited for", flock(fd, LOCK_EX));
  ask('W', LOCK_EX, 0, 0);
  value("unlocked", flock(fd, LOCK_UN));
  receive("waited for");
  need(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid, "kill");
  value("the end of a process unlocks", flock(fd, LOCK_EX | LOCK_NB));
  value("a lock of a directory", flock(get(".", O_RDONLY), LOCK_EX | LOCK_NB));
  value("a lock of O_PATH", flock(get("f", O_PATH), LOCK_EX | LOCK_NB));
  value("lockf", lockf(fd, F_TLOCK, 5));
  value("lockf test", lockf(fd, F_TEST, 5));
}
