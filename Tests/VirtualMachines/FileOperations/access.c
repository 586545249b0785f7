// Who may do what: sticky directories, modes of directories and files, access(2).
#include "areas.h"
#include <sys/fsuid.h>

void prepareSticky(void) {
  makeDirectory("sticky", 01777);
  makeDirectory("plain", 0777);
  for (int i = 0; i < 2; i++) {
    need(chdir(i ? "plain" : "sticky") == 0, "chdir");
    make("roots", "x", 0666);
    make("owners", "x", 0666);
    own("owners", OWNER, OWNER);
    make("strangers", "x", 0666);
    own("strangers", STRANGER, STRANGER);
    makeDirectory("rootsDirectory", 0777);
    makeDirectory("ownersDirectory", 0777);
    own("ownersDirectory", OWNER, OWNER);
    need(symlink("x", "rootsLink") == 0, "symlink");
    need(chdir("..") == 0, "chdir");
  }
  makeDirectory("ownersSticky", 01777);
  own("ownersSticky", OWNER, OWNER);
  make("ownersSticky/roots", "x", 0666);
}

void sticky(void) {
  for (int i = 0; i < 2; i++) {
    need(chdir(i ? "plain" : "sticky") == 0, "chdir");
    const char *kind = i ? "plain" : "sticky";
    char label[96];
    static const char *const files[] = {"roots", "owners", "strangers"};
    for (int f = 0; f < 3; f++) {
      snprintf(label, sizeof label, "%s: rename %s", kind, files[f]);
      done(label, rename(files[f], "moved"));
      rename("moved", files[f]);
      make("mine", "x", 0644);
      snprintf(label, sizeof label, "%s: rename over %s", kind, files[f]);
      done(label, rename("mine", files[f]));
      unlink("mine");
      snprintf(label, sizeof label, "%s: unlink %s", kind, files[f]);
      done(label, unlink(files[f]));
    }
    snprintf(label, sizeof label, "%s: rmdir of root's", kind);
    done(label, rmdir("rootsDirectory"));
    snprintf(label, sizeof label, "%s: rename of the owner's directory", kind);
    done(label, rename("ownersDirectory", "moved"));
    snprintf(label, sizeof label, "%s: unlink of root's link", kind);
    done(label, unlink("rootsLink"));
    make("own", "x", 0644);
    snprintf(label, sizeof label, "%s: unlink of an own file", kind);
    done(label, unlink("own"));
    need(chdir("..") == 0, "chdir");
  }
  done("unlink in the owner's sticky directory", unlink("ownersSticky/roots"));
}

void prepareAccess(void) {
  static const struct {
    const char *name;
    mode_t mode;
    uid_t uid;
    gid_t gid;
  } all[] = {
    {"rwx", 0777, 0, 0}, {"rw", 0666, 0, 0}, {"rx", 0555, 0, 0}, {"wx", 0333, 0, 0},
    {"r", 0444, 0, 0}, {"w", 0222, 0, 0}, {"x", 0111, 0, 0}, {"none", 0, 0, 0},
    {"owner", 0700, OWNER, OWNER}, {"group", 0070, 0, SHARED_GROUP}, {"other", 0007, OWNER, OWNER},
    {"groupDenied", 0707, 0, SHARED_GROUP}, {"ownerDenied", 0077, OWNER, OWNER},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    char path[64];
    makeDirectory(all[i].name, 0700);
    snprintf(path, sizeof path, "%s/file", all[i].name);
    make(path, "x", 0666);
    snprintf(path, sizeof path, "f-%s", all[i].name);
    make(path, "x", all[i].mode);
    own(path, all[i].uid, all[i].gid);
    need(chmod(all[i].name, all[i].mode) == 0, "chmod");
    need(chown(all[i].name, all[i].uid, all[i].gid) == 0, "chown");
  }
}

void accesses(void) {
  static const char *const all[] = {
    "rwx", "rw", "rx", "wx", "r", "w", "x", "none", "owner", "group", "other", "groupDenied",
    "ownerDenied",
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    char path[64], label[96];
#define LABEL(what) (snprintf(label, sizeof label, what " %s", all[i]), label)
    snprintf(path, sizeof path, "f-%s", all[i]);
    say(LABEL("access to file"), "%d%d%d%d", access(path, F_OK) == 0, access(path, R_OK) == 0,
      access(path, W_OK) == 0, access(path, X_OK) == 0);
    say(LABEL("effective access to file"), "%d%d%d",
      faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0,
      faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0,
      faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0);
    opened(LABEL("read file"), open(path, O_RDONLY));
    opened(LABEL("write file"), open(path, O_WRONLY));
    done(LABEL("truncate file"), truncate(path, 1));
    done(LABEL("touch file"), utimensat(AT_FDCWD, path, NULL, 0));
    done(LABEL("attribute of file"), setxattr(path, "user.x", "1", 1, 0));
    done(LABEL("get attribute of file"), getxattr(path, "user.x", NULL, 0));
    say(LABEL("access to directory"), "%d%d%d", access(all[i], R_OK) == 0,
      access(all[i], W_OK) == 0, access(all[i], X_OK) == 0);
    opened(LABEL("list directory"), open(all[i], O_RDONLY | O_DIRECTORY));
    done(LABEL("enter directory"), chdir(all[i]));
    if (access("../rwx", F_OK) == 0) need(chdir("..") == 0, "..");
    snprintf(path, sizeof path, "%s/file", all[i]);
    done(LABEL("stat in directory"), access(path, F_OK));
    opened(LABEL("read in directory"), open(path, O_RDONLY));
    snprintf(path, sizeof path, "%s/new", all[i]);
    opened(LABEL("create in directory"), open(path, O_CREAT | O_WRONLY, 0644));
    done(LABEL("mkdir in directory"), mkdir(path, 0755));
    done(LABEL("unlink in directory"), unlink(path));
    snprintf(path, sizeof path, "%s/nothing", all[i]);
    done(LABEL("look for nothing in directory"), access(path, F_OK));
#undef LABEL
  }
  make("script", "x", 0644);
  done("execute permission that nobody has", access("script", X_OK));
  need(chmod("script", 0744) == 0, "chmod");
  done("execute permission of the owner", access("script", X_OK));
  done("access of nothing", access("nothing", F_OK));
  done("access with an unknown mode", access("script", 8));
  need(symlink("nothing", "dangling") == 0, "symlink");
  done("access of a dangling link", access("dangling", F_OK));
  done("access of the link itself",
    (long)syscall(439, AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW));
  int fd = get("script", O_PATH);
  done("access of O_PATH", syscall(439, fd, "", R_OK, AT_EMPTY_PATH));
  if (getuid() == 0) {
    // Real and effective user differ: access asks for the real one.
    need(seteuid(STRANGER) == 0, "seteuid");
    done("real root, access", access("none/file", F_OK));
    done("real root, effective access", faccessat(AT_FDCWD, "none/file", F_OK, AT_EACCESS));
    opened("real root, open", open("f-none", O_RDONLY));
    need(seteuid(0) == 0, "seteuid");
    setfsuid(STRANGER);
    opened("file system user, open", open("f-none", O_RDONLY));
    opened("file system user, create", open("wx/byFileSystemUser", O_CREAT | O_WRONLY, 0644));
    setfsuid(0);
    shape("its owner", "wx/byFileSystemUser");
  }
}
