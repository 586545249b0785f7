// Times commands against each other: measure ROUNDS WARMUP FILE [COUNT CALLERS]
//
// FILE has one command a line: RUNTIME, STEP and the words of the command, with tabs between. Lines of one
// runtime follow one another and are run in this order; the runtimes take turns, round by round, and another
// one begins each round. A step that begins with "-" is run and not recorded. "{}" in a word is the
// number of the round. Output: one line a command with RUNTIME STEP ROUND, the nanoseconds to the first byte
// on standard output (0: none came) and to the end, CPU time of user and kernel in microseconds, the
// largest resident size in KiB, and the page faults. A command that fails ends the whole run: what failed says
// nothing of speed.
//
// With COUNT and CALLERS a command is run COUNT times in a round, by CALLERS processes that each begin the next
// one when theirs has ended, and the line tells of all together; "{}" is then the number of the command.
//
// measure --gone FILE waits until the process whose number is in FILE has ended, and is not timed.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { max_words = 256, max_commands = 512, max_runtimes = 16 };

struct command {
  char *runtime, *step, *words[max_words];
};

struct result {
  long long first, wall;
  struct rusage usage;
};

extern char **environ;
static struct command commands[max_commands];
static int command_count;
static int starts[max_runtimes + 1], runtime_count;

static void fail(const char *what, const char *subject) {
  fprintf(stderr, "measure: %s: %s%s%s\n", subject, what, errno ? ": " : "", errno ? strerror(errno) : "");
  exit(1);
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void read_commands(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) fail("open", path);
  char *line = NULL;
  size_t size = 0;
  while (getline(&line, &size, file) > 0) {
    line[strcspn(line, "\n")] = 0;
    if (!*line) continue;
    errno = 0;
    if (command_count == max_commands) fail("too many commands", path);
    struct command *command = &commands[command_count];
    char *rest = strdup(line), *word;
    command->runtime = strsep(&rest, "\t");
    command->step = strsep(&rest, "\t");
    int count = 0;
    while ((word = strsep(&rest, "\t"))) {
      if (count == max_words - 1) fail("too many words", line);
      command->words[count++] = word;
    }
    if (!count) fail("no command in this line", line);
    if (!command_count || strcmp(commands[command_count - 1].runtime, command->runtime)) {
      if (runtime_count == max_runtimes) fail("too many runtimes", path);
      starts[runtime_count++] = command_count;
    }
    command_count++;
  }
  starts[runtime_count] = command_count;
  free(line);
  fclose(file);
  errno = 0;
  if (!command_count) fail("no commands", path);
}

// The word with the number of the round in it.
static char *numbered(const char *word, int round) {
  const char *mark = strstr(word, "{}");
  if (!mark) return strdup(word);
  char *result;
  if (asprintf(&result, "%.*s%d%s", (int)(mark - word), word, round, mark + 2) < 0) fail("memory", word);
  return result;
}

static void run(const struct command *command, int round, struct result *result) {
  char *words[max_words] = {0};
  for (int i = 0; command->words[i]; i++) words[i] = numbered(command->words[i], round);
  int output[2];
  if (pipe2(output, O_CLOEXEC | O_NONBLOCK) < 0) fail("pipe", command->step);
  fcntl(output[1], F_SETFL, 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output[1], 1);
  memset(result, 0, sizeof *result);
  pid_t pid;
  long long start = now();
  errno = posix_spawnp(&pid, words[0], &actions, NULL, words, environ);
  if (errno) fail("cannot be run", words[0]);
  close(output[1]);
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) fail("pidfd_open", words[0]);
  // The container may keep the pipe open after the command's end, so that the end is the pidfd's.
  struct pollfd polled[2] = {{pidfd, POLLIN, 0}, {output[0], POLLIN, 0}};
  while (1) {
    poll(polled, 2, -1);
    if (polled[1].revents) {
      static char buffer[1 << 16];
      ssize_t count = read(output[0], buffer, sizeof buffer);
      if (count > 0 && !result->first) result->first = now() - start;
      if (count == 0) polled[1].fd = -1;
    }
    if (polled[0].revents) break;
  }
  result->wall = now() - start;
  int status;
  if (wait4(pid, &status, 0, &result->usage) < 0) fail("wait4", words[0]);
  close(pidfd);
  close(output[0]);
  posix_spawn_file_actions_destroy(&actions);
  if (!WIFEXITED(status) || WEXITSTATUS(status)) {
    fprintf(stderr, "measure: %s %s: round %d: ended with status %#x:", command->runtime, command->step, round,
            status);
    for (int i = 0; words[i]; i++) fprintf(stderr, " %s", words[i]);
    fputc('\n', stderr);
    exit(1);
  }
  for (int i = 0; words[i]; i++) free(words[i]);
}

// COUNT commands by CALLERS processes; the usage is that of the callers with their children.
static void run_crowd(const struct command *command, int count, int callers, int round, struct result *result) {
  memset(result, 0, sizeof *result);
  fflush(stdout);
  long long start = now();
  pid_t all[64];
  if (callers > 64) fail("too many callers", command->step);
  for (int caller = 0; caller < callers; caller++) {
    all[caller] = fork();
    if (all[caller] < 0) fail("fork", command->step);
    if (all[caller]) continue;
    for (int i = caller; i < count; i += callers) {
      struct result one;
      run(command, round * count + i, &one);
    }
    _exit(0);
  }
  int failed = 0;
  for (int caller = 0; caller < callers; caller++) {
    int status;
    struct rusage usage;
    if (wait4(all[caller], &status, 0, &usage) < 0 || status) failed = 1;
    timeradd(&result->usage.ru_utime, &usage.ru_utime, &result->usage.ru_utime);
    timeradd(&result->usage.ru_stime, &usage.ru_stime, &result->usage.ru_stime);
    if (usage.ru_maxrss > result->usage.ru_maxrss) result->usage.ru_maxrss = usage.ru_maxrss;
    result->usage.ru_minflt += usage.ru_minflt;
  }
  result->wall = now() - start;
  if (failed) exit(1);
}

// The process need not be a child, and may be gone already.
static int wait_gone(const char *path) {
  FILE *file = fopen(path, "r");
  int pid;
  if (!file || fscanf(file, "%d", &pid) != 1) fail("no process number", path);
  fclose(file);
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) return errno == ESRCH ? 0 : 1;
  struct pollfd polled = {pidfd, POLLIN, 0};
  return poll(&polled, 1, 60000) == 1 ? 0 : 1;
}

static long long microseconds(struct timeval time) { return time.tv_sec * 1000000LL + time.tv_usec; }

int main(int argc, char **argv) {
  if (argc == 3 && !strcmp(argv[1], "--gone")) return wait_gone(argv[2]);
  if (argc != 4 && argc != 6) {
    fprintf(stderr, "usage: measure ROUNDS WARMUP FILE [COUNT CALLERS]\n");
    return 2;
  }
  int rounds = atoi(argv[1]), warmup = atoi(argv[2]), count = argc == 6 ? atoi(argv[4]) : 0;
  read_commands(argv[3]);
  for (int round = 0; round < warmup + rounds; round++)
    for (int turn = 0; turn < runtime_count; turn++) {
      int runtime = (round + turn) % runtime_count;
      for (int i = starts[runtime]; i < starts[runtime + 1]; i++) {
        struct result result;
        if (count) {
          run_crowd(&commands[i], count, atoi(argv[5]), round, &result);
        } else {
          run(&commands[i], round, &result);
        }
        if (round < warmup || *commands[i].step == '-') continue;
        printf("%s\t%s\t%d\t%lld\t%lld\t%lld\t%lld\t%ld\t%ld\n", commands[i].runtime, commands[i].step, round,
               result.first, result.wall, microseconds(result.usage.ru_utime),
               microseconds(result.usage.ru_stime), result.usage.ru_maxrss, result.usage.ru_minflt);
        fflush(stdout);
      }
    }
  return 0;
}
