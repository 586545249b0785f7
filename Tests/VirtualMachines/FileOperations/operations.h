// What the areas of the list share. Each operation prints one line, `USER AREA NAME: RESULT`, that is
// the same on every local file system and at every run.
#pragma once
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  const char *name;
  // Runs as root in the directory before each user's turn; null for none.
  void (*prepare)(void);
  // Runs as the user in a directory of the user's own.
  void (*run)(void);
  bool rootOnly;
} Area;

// The users: root, the owner of most files (with the groups 1000 and 2000), and a stranger.
enum { OWNER = 1000, SHARED_GROUP = 2000, STRANGER = 1001 };
// Another file system (a bind mount of its own share), and a read-only one with the file `known`.
#define OTHER_SYSTEM "/mnt/other"
#define READ_ONLY "/mnt/fixed"

// Prints a line.
void say(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Prints the result of a call: a number, or the error's name.
void value(const char *name, long result);
// Prints `ok` for any result that is no error.
void done(const char *name, long result);
// As `done`; the result is a descriptor, which is closed.
void opened(const char *name, int fd);
// Prints type, mode, links, owner and group of a file, and its size when it is regular.
void shape(const char *name, const char *path);
void shapeOf(const char *name, int fd);
// Prints the whole content of a short file, as text.
void content(const char *name, const char *path);

// Makes a file with this content and exactly this mode; ends the program where that fails.
void make(const char *path, const char *text, mode_t mode);
void makeDirectory(const char *path, mode_t mode);
void own(const char *path, uid_t uid, gid_t gid);
// Opens a file; ends the program where that fails.
int get(const char *path, int flags);
// Fails the area, with the error's name.
void need(bool condition, const char *what);

// Runs `body` in a child; its exit code.
int inChild(void (*body)(void *), void *argument);
// Becomes another user for good.
void become(uid_t uid);

const char *userName(void);

extern const Area areas[];
