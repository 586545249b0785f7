// chmod and chown: who may, and what else changes.
#include "areas.h"

void prepareModes(void) {
  make("roots", "root's", 0644);
  makeDirectory("rootsDirectory", 0755);
  make("owners", "owner's", 06755);
  own("owners", OWNER, OWNER);
  make("shared", "shared", 0664);
  own("shared", OWNER, SHARED_GROUP);
  makeDirectory("group", 02775);
  own("group", OWNER, SHARED_GROUP);
  makeDirectory("foreignGroup", 02777);
  own("foreignGroup", 0, 3000);
  make("inForeignGroup", "x", 0644);
  own("inForeignGroup", getuid() ? getuid() : OWNER, 3000);
}

void modes(void) {
  make("f", "x", 0644);
  makeDirectory("d", 0755);
  static const mode_t all[] = {0, 0400, 0200, 0100, 0777, 01777, 02755, 02745, 04755, 07777, 0644};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    char label[64];
    snprintf(label, sizeof label, "chmod of a file to %04o", all[i]);
    done(label, chmod("f", all[i]));
    shape("the file's mode", "f");
    snprintf(label, sizeof label, "chmod of a directory to %04o", all[i]);
    done(label, chmod("d", all[i]));
    shape("the directory's mode", "d");
  }
  done("more bits than there are", chmod("f", 0170644));
  shape("mode then", "f");
  done("chmod of root's file", chmod("roots", 0600));
  done("chmod of root's directory", chmod("rootsDirectory", 0700));
  done("chmod of the owner's file", chmod("owners", 0700));
  done("chmod of the owner's file, all bits", chmod("owners", 07755));
  shape("its mode", "owners");
  done("chmod of a shared file", chmod("shared", 02775));
  shape("the mode of a shared file", "shared");
  done("set-group-ID of a foreign group", chmod("inForeignGroup", 02755));
  shape("in a foreign group", "inForeignGroup");
  done("chmod of nothing", chmod("nothing", 0600));
  done("chmod through a file", chmod("f/x", 0600));
  int fd = get("f", O_RDONLY);
  done("fchmod of a file open for reading", fchmod(fd, 0664));
  shapeOf("by fchmod", fd);
  done("fchmod of nothing", fchmod(999, 0600));
  done("fchmodat2", syscall(SYS_fchmodat, AT_FDCWD, "f", 0600));
  static const mode_t masks[] = {0, 022, 077, 0777, 0111};
  for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
    char name[32], label[64];
    umask(masks[i]);
    snprintf(name, sizeof name, "m%zu", i);
    snprintf(label, sizeof label, "with umask %03o", masks[i]);
    int made = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    shapeOf(label, made);
    close(made);
    strcat(name, "d");
    mkdir(name, 0777);
    shape(label, name);
    strcat(name, "p");
    mkfifo(name, 0666);
    shape(label, name);
    strcat(name, "n");
    mknod(name, S_IFREG | 0666, 0);
    shape(label, name);
    strcat(name, "l");
    done(label, symlink("x", name));
    shape(label, name);
  }
  umask(022);
  static const char *const groups[] = {"group", "foreignGroup"};
  for (int i = 0; i < 2; i++) {
    char path[64];
    need(chdir(groups[i]) == 0, groups[i]);
    opened("create in a directory with set-group-ID", open("f", O_CREAT | O_WRONLY, 0666));
    shape("of the directory's group", "f");
    opened("the same with set-group-ID", open("g", O_CREAT | O_WRONLY, 02777));
    shape("is it kept", "g");
    opened("set-group-ID without execution", open("h", O_CREAT | O_WRONLY, 02666));
    shape("is it kept then", "h");
    done("mkdir", mkdir("d", 0755));
    shape("inherits set-group-ID", "d");
    done("mkdir below", mkdir("d/e", 0700));
    shape("inherits it too", "d/e");
    done("mkfifo", mkfifo("p", 0644));
    shape("group of a fifo", "p");
    done("mknod", mknod("n", S_IFREG | 02755, 0));
    shape("group of a node", "n");
    done("symlink", symlink("x", "l"));
    shape("group of a link", "l");
    opened("temporary", open(".", O_TMPFILE | O_RDWR, 02755));
    need(chdir("..") == 0, "..");
    snprintf(path, sizeof path, "%s/made", groups[i]);
    make("tmp", "x", 0644);
    done("rename into it keeps the group", rename("tmp", path));
    shape("after the rename", path);
  }
}

void owners(void) {
  make("f", "x", 0755);
  makeDirectory("d", 02755);
  done("to oneself", chown("f", getuid(), getgid()));
  done("to nobody in particular", chown("f", -1, -1));
  done("to another user", chown("f", 4321, -1));
  shape("owner then", "f");
  done("to the shared group", chown("f", -1, SHARED_GROUP));
  shape("group then", "f");
  done("to a foreign group", chown("f", -1, 3000));
  shape("foreign group", "f");
  done("of a directory to the shared group", chown("d", -1, SHARED_GROUP));
  shape("a directory keeps set-group-ID", "d");
  done("of root's file", chown("roots", getuid(), getgid()));
  done("of root's file to root", chown("roots", 0, 0));
  done("of the owner's file to the owner", chown("owners", OWNER, OWNER));
  shape("set-user-ID after it", "owners");
  done("of nothing", chown("nothing", 0, 0));
  done("of a file below a file", chown("f/x", 0, 0));
  need(symlink("nothing", "l") == 0, "symlink");
  done("through a dangling link", chown("l", getuid(), getgid()));
  done("of a link", lchown("l", getuid(), getgid()));
  done("of a link to another group", lchown("l", -1, SHARED_GROUP));
  shape("the link", "l");
  done("the largest numbers", chown("f", 0xfffffffe, 0xfffffffe));
  shape("owner at last", "f");
  int fd = open("f", O_RDONLY | O_CLOEXEC);
  done("fchown", fchown(fd, getuid(), getgid()));
  static const mode_t all[] = {04755, 02755, 06755, 02745, 06745, 04644, 07777};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    char name[32], label[64];
    snprintf(name, sizeof name, "s%zu", i);
    make(name, "x", all[i]);
    snprintf(label, sizeof label, "chown of %04o by itself", all[i]);
    done(label, chown(name, getuid(), getgid()));
    shape(label, name);
    make(name, "x", all[i]);
    snprintf(label, sizeof label, "chown of %04o to the shared group", all[i]);
    done(label, chown(name, -1, SHARED_GROUP));
    shape(label, name);
    make(name, "x", all[i]);
    snprintf(label, sizeof label, "chown of %04o to no change", all[i]);
    done(label, chown(name, -1, -1));
    shape(label, name);
    snprintf(name, sizeof name, "d%zu", i);
    makeDirectory(name, all[i]);
    snprintf(label, sizeof label, "chown of a directory, %04o", all[i]);
    done(label, chown(name, getuid(), getgid()));
    shape(label, name);
  }
}
