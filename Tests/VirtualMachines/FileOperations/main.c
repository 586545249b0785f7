// operations DIRECTORY [AREA…]: runs each area as three users in new directories below DIRECTORY.
#include "operations.h"
#include <grp.h>
#include <sys/prctl.h>

static const char *area = "";
static const char *user = "";

const char *userName(void) { return user; }

void say(const char *name, const char *format, ...) {
  char text[8192];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  // One write a line: children print too.
  dprintf(1, "%s %s %s: %s\n", user, area, name, text);
}

void value(const char *name, long result) {
  if (result < 0) say(name, "%s", strerrorname_np(errno));
  else say(name, "%ld", result);
}

void done(const char *name, long result) {
  say(name, "%s", result < 0 ? strerrorname_np(errno) : "ok");
}

void opened(const char *name, int fd) {
  done(name, fd);
  if (fd >= 0) close(fd);
}

static void describe(const char *name, int result, const struct stat *info) {
  if (result < 0) return done(name, result);
  const char *type = S_ISREG(info->st_mode) ? "file" : S_ISDIR(info->st_mode) ? "directory"
    : S_ISLNK(info->st_mode) ? "link" : S_ISFIFO(info->st_mode) ? "fifo"
    : S_ISSOCK(info->st_mode) ? "socket" : S_ISCHR(info->st_mode) ? "character" : "block";
  char size[32] = "";
  if (S_ISREG(info->st_mode) || S_ISLNK(info->st_mode)) {
    snprintf(size, sizeof size, " %lld bytes", (long long)info->st_size);
  }
  say(name, "%s %04o links %lu owner %u:%u%s", type, info->st_mode & 07777,
    (unsigned long)info->st_nlink, info->st_uid, info->st_gid, size);
}

void shape(const char *name, const char *path) {
  struct stat info;
  describe(name, lstat(path, &info), &info);
}

void shapeOf(const char *name, int fd) {
  struct stat info;
  describe(name, fstat(fd, &info), &info);
}

void content(const char *name, const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return done(name, -1);
  char text[4096];
  ssize_t count = read(fd, text, sizeof text - 1);
  close(fd);
  if (count < 0) return done(name, -1);
  for (ssize_t i = 0; i < count; i++) if (text[i] == 0 || text[i] == '\n') text[i] = '.';
  text[count] = 0;
  say(name, "'%s'", text);
}

void need(bool condition, const char *what) {
  if (condition) return;
  say("could not", "%s: %s", what, strerrorname_np(errno));
  exit(3);
}

int get(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC, 0644);
  need(fd >= 0, path);
  return fd;
}

void make(const char *path, const char *text, mode_t mode) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  need(fd >= 0, path);
  need(write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
  // After the write, which would take set-user-ID away.
  need(fchmod(fd, mode) == 0, path);
  close(fd);
}

void makeDirectory(const char *path, mode_t mode) {
  need(mkdir(path, 0700) == 0 || errno == EEXIST, path);
  need(chmod(path, mode) == 0, path);
}

void own(const char *path, uid_t uid, gid_t gid) {
  struct stat info;
  need(lstat(path, &info) == 0, path);
  need(lchown(path, uid, gid) == 0, path);
  // The change of owner took set-user-ID and set-group-ID away.
  if (!S_ISLNK(info.st_mode)) need(chmod(path, info.st_mode & 07777) == 0, path);
}

int inChild(void (*body)(void *), void *argument) {
  pid_t pid = fork();
  need(pid >= 0, "fork");
  if (pid == 0) {
    alarm(120);
    body(argument);
    _exit(0);
  }
  int status = 0;
  need(waitpid(pid, &status, 0) == pid, "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void become(uid_t uid) {
  gid_t shared[] = {SHARED_GROUP};
  need(setgroups(uid == OWNER ? 1 : 0, shared) == 0, "setgroups");
  need(setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0, "setresuid");
}

static void runAsUser(void *argument) {
  const Area *chosen = argument;
  uid_t uid = strcmp(user, "owner") == 0 ? OWNER : strcmp(user, "stranger") == 0 ? STRANGER : 0;
  if (chosen->prepare) chosen->prepare();
  if (uid != 0) become(uid);
  alarm(300);
  umask(022);
  chosen->run();
}

int main(int count, char **arguments) {
  // What a file does when it is executed with another identity: see the area suid.
  if (strstr(arguments[0], "identity")) {
    dprintf(1, "%u:%u effective %u:%u %s\n", getuid(), getgid(), geteuid(), getegid(),
      prctl(PR_CAPBSET_READ, 0, 0, 0, 0) < 0 ? "?" : "");
    return 0;
  }
  need(count >= 2, "operations DIRECTORY [AREA...]");
  need(chdir(arguments[1]) == 0, arguments[1]);
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  static const char *const users[] = {"root", "owner", "stranger"};
  for (const Area *each = areas; each->name; each++) {
    bool isWanted = count == 2;
    for (int i = 2; i < count; i++) isWanted |= strcmp(arguments[i], each->name) == 0;
    for (int i = 0; isWanted && i < (each->rootOnly ? 1 : 3); i++) {
      user = users[i];
      area = each->name;
      umask(0);
      char path[256];
      snprintf(path, sizeof path, "%s.%s", each->name, user);
      makeDirectory(path, 0755);
      uid_t uid = i == 0 ? 0 : i == 1 ? OWNER : STRANGER;
      need(chown(path, uid, uid) == 0 && chdir(path) == 0, path);
      int code = inChild(runAsUser, (void *)each);
      if (code) say("ended", "code %d", code);
      need(chdir("..") == 0, "..");
    }
  }
  return 0;
}
