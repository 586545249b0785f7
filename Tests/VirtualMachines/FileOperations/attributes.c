// Extended attributes and access control lists.
#include "areas.h"

void prepareAttributes(void) {
  make("roots", "x", 0644);
  makeDirectory("sticky", 01777);
  need(setxattr("roots", "user.readable", "1", 1, 0) == 0, "setxattr");
  make("secret", "x", 0600);
}

static int compare(const void *one, const void *two) {
  return strcmp(*(char *const *)one, *(char *const *)two);
}

// Prints the names, sorted: file systems list them in any order.
static void list(const char *name, const char *path) {
  char names[8192], text[8192] = "";
  char *all[256];
  ssize_t size = llistxattr(path, names, sizeof names);
  if (size < 0) return done(name, -1);
  int count = 0;
  for (char *each = names; each < names + size && count < 256; each += strlen(each) + 1) {
    // Where the machine has a security module.
    if (strcmp(each, "security.selinux")) all[count++] = each;
  }
  qsort(all, (size_t)count, sizeof *all, compare);
  for (int i = 0; i < count; i++) {
    strncat(text, all[i], sizeof text - strlen(text) - 2);
    strcat(text, " ");
  }
  say(name, "%d: %s", count, text);
}

void attributes(void) {
  char text[70000];
  make("f", "x", 0644);
  done("set", setxattr("f", "user.one", "value", 5, 0));
  value("get", getxattr("f", "user.one", text, sizeof text));
  say("value", "%.5s", text);
  value("get the size", getxattr("f", "user.one", NULL, 0));
  value("get into too little", getxattr("f", "user.one", text, 2));
  done("create what is there", setxattr("f", "user.one", "x", 1, XATTR_CREATE));
  done("replace", setxattr("f", "user.one", "y", 1, XATTR_REPLACE));
  done("replace what is not there", setxattr("f", "user.two", "y", 1, XATTR_REPLACE));
  done("create", setxattr("f", "user.two", "y", 1, XATTR_CREATE));
  done("create and replace", setxattr("f", "user.two", "y", 1, XATTR_CREATE | XATTR_REPLACE));
  done("an unknown flag", setxattr("f", "user.two", "y", 1, 8));
  done("an empty value", setxattr("f", "user.empty", "", 0, 0));
  value("its size", getxattr("f", "user.empty", text, sizeof text));
  list("list", "f");
  value("list into too little", listxattr("f", text, 3));
  value("get nothing", getxattr("f", "user.none", text, sizeof text));
  done("remove", removexattr("f", "user.two"));
  done("remove again", removexattr("f", "user.two"));
  memset(text, 'v', sizeof text);
  done("2000 bytes", setxattr("f", "user.big", text, 2000, 0));
  value("they are there", getxattr("f", "user.big", text, sizeof text));
  done("65537 bytes", setxattr("f", "user.huge", text, 65537, 0));
  char name[300] = "user.";
  memset(name + 5, 'n', 255);
  name[255] = 0;
  done("a name of 255 bytes", setxattr("f", name, "1", 1, 0));
  value("it is there", getxattr("f", name, NULL, 0));
  name[255] = 'n';
  name[256] = 0;
  done("a name of 256 bytes", setxattr("f", name, "1", 1, 0));
  done("an empty name", setxattr("f", "", "1", 1, 0));
  done("user. alone", setxattr("f", "user.", "1", 1, 0));
  done("an unknown kind", setxattr("f", "other.x", "1", 1, 0));
  done("no kind", setxattr("f", "plain", "1", 1, 0));
  value("get of an unknown kind", getxattr("f", "other.x", NULL, 0));
  makeDirectory("d", 0755);
  done("of a directory", setxattr("d", "user.d", "1", 1, 0));
  list("list of a directory", "d");
  need(symlink("f", "l") == 0 && mkfifo("p", 0644) == 0, "symlink");
  done("of a link", lsetxattr("l", "user.l", "1", 1, 0));
  value("get of a link", lgetxattr("l", "user.one", NULL, 0));
  value("get through a link", getxattr("l", "user.one", NULL, 0));
  list("list of a link", "l");
  done("of a fifo", setxattr("p", "user.p", "1", 1, 0));
  done("of root's file", setxattr("roots", "user.mine", "1", 1, 0));
  value("get of root's file", getxattr("roots", "user.readable", NULL, 0));
  done("remove of root's file", removexattr("roots", "user.readable"));
  value("get of a secret file", getxattr("secret", "user.x", NULL, 0));
  list("list of a secret file", "secret");
  done("of a sticky directory", setxattr("sticky", "user.x", "1", 1, 0));
  struct timespec old[2] = {{5, 0}, {5, 0}};
  need(utimensat(AT_FDCWD, "f", old, 0) == 0, "utimensat");
  done("it keeps the time", setxattr("f", "user.one", "z", 1, 0));
  struct stat info;
  need(stat("f", &info) == 0, "stat");
  say("modified at", "%ld", (long)info.st_mtim.tv_sec);
  int fd = get("f", O_RDONLY);
  done("by a descriptor for reading", fsetxattr(fd, "user.fd", "1", 1, 0));
  value("get by a descriptor", fgetxattr(fd, "user.fd", NULL, 0));
  done("remove by a descriptor", fremovexattr(fd, "user.fd"));
  done("trusted", setxattr("f", "trusted.x", "1", 1, 0));
  value("get trusted", getxattr("f", "trusted.x", NULL, 0));
  list("list trusted", "f");
  done("remove trusted", removexattr("f", "trusted.x"));
  done("security", setxattr("f", "security.other", "1", 1, 0));
  value("get security", getxattr("f", "security.other", NULL, 0));
  done("remove security", removexattr("f", "security.other"));
  static const unsigned char capability[20] = {1, 0, 0, 2, 0, 4};
  done("a capability", setxattr("f", "security.capability", capability, 20, 0));
  value("get a capability", getxattr("f", "security.capability", text, sizeof text));
  say("its bytes", "%02x%02x%02x%02x", text[0], text[1], text[2], text[3]);
  list("list a capability", "f");
  done("remove a capability", removexattr("f", "security.capability"));
  done("a capability of no size", setxattr("f", "security.capability", capability, 3, 0));
  done("system", setxattr("f", "system.x", "1", 1, 0));
  need(rename("f", "g") == 0, "rename");
  value("after a rename", getxattr("g", "user.one", NULL, 0));
  for (int i = 0; i < 40; i++) {
    snprintf(name, sizeof name, "user.many%02d", i);
    need(setxattr("d", name, name, strlen(name), 0) == 0, name);
  }
  list("list of many", "d");
  for (int i = 0; i < 40; i++) {
    snprintf(name, sizeof name, "user.many%02d", i);
    need(removexattr("d", name) == 0, name);
  }
  list("list after removal", "d");
}

// An entry of a list as it is in system.posix_acl_*.
typedef struct {
  uint16_t tag, permissions;
  uint32_t id;
} Entry;
enum { NONE = -1, USER_OWNER = 1, USER = 2, GROUP_OWNER = 4, GROUP = 8, MASK = 16, OTHER = 32 };

static long set(const char *path, const char *kind, const Entry *entries, int count) {
  unsigned char bytes[1024] = {2, 0, 0, 0};
  char name[64];
  memcpy(bytes + 4, entries, (size_t)count * sizeof *entries);
  snprintf(name, sizeof name, "system.posix_acl_%s", kind);
  return setxattr(path, name, bytes, 4 + (size_t)count * sizeof *entries, 0);
}
#define SET(path, kind, ...) \
  set(path, kind, (const Entry[]){__VA_ARGS__}, sizeof((const Entry[]){__VA_ARGS__}) / sizeof(Entry))

static void acl(const char *label, const char *path, const char *kind) {
  unsigned char bytes[1024];
  char name[64], text[512] = "";
  snprintf(name, sizeof name, "system.posix_acl_%s", kind);
  ssize_t size = getxattr(path, name, bytes, sizeof bytes);
  if (size < 0) return done(label, -1);
  for (ssize_t at = 4; at + 8 <= size; at += 8) {
    Entry entry;
    memcpy(&entry, bytes + at, 8);
    snprintf(text + strlen(text), sizeof text - strlen(text), "%u:%d=%o ", entry.tag,
      (int)entry.id, entry.permissions);
  }
  say(label, "%s", text);
}

void prepareLists(void) {
  make("roots", "x", 0644);
  for (int i = 0; i < 4; i++) {
    char name[16];
    snprintf(name, sizeof name, "given%d", i);
    make(name, "x", 0600);
  }
  need(SET("given0", "access", {USER_OWNER, 6, NONE}, {USER, 6, OWNER}, {GROUP_OWNER, 0, NONE},
    {MASK, 6, NONE}, {OTHER, 0, NONE}) == 0, "given0");
  need(SET("given1", "access", {USER_OWNER, 6, NONE}, {USER, 6, OWNER}, {GROUP_OWNER, 0, NONE},
    {MASK, 4, NONE}, {OTHER, 0, NONE}) == 0, "given1");
  need(SET("given2", "access", {USER_OWNER, 6, NONE}, {GROUP_OWNER, 0, NONE},
    {GROUP, 6, SHARED_GROUP}, {MASK, 6, NONE}, {OTHER, 0, NONE}) == 0, "given2");
  need(SET("given3", "access", {USER_OWNER, 6, NONE}, {USER, 0, STRANGER}, {GROUP_OWNER, 0, NONE},
    {MASK, 7, NONE}, {OTHER, 6, NONE}) == 0, "given3");
  makeDirectory("defaults", 0777);
  need(SET("defaults", "default", {USER_OWNER, 7, NONE}, {USER, 7, STRANGER}, {GROUP_OWNER, 5, NONE},
    {MASK, 7, NONE}, {OTHER, 0, NONE}) == 0, "defaults");
}

void lists(void) {
  make("f", "x", 0640);
  acl("without a list", "f", "access");
  done("set a list", SET("f", "access", {USER_OWNER, 6, NONE}, {USER, 4, STRANGER},
    {GROUP_OWNER, 4, NONE}, {MASK, 6, NONE}, {OTHER, 0, NONE}));
  acl("the list", "f", "access");
  shape("the mode shows the mask", "f");
  done("chmod with a list", chmod("f", 0600));
  acl("the mask is the mode's", "f", "access");
  done("chmod back", chmod("f", 0674));
  acl("the mask is back", "f", "access");
  done("a list that is a mode", SET("f", "access", {USER_OWNER, 6, NONE}, {GROUP_OWNER, 4, NONE},
    {OTHER, 4, NONE}));
  acl("is none", "f", "access");
  shape("its mode", "f");
  done("a list without a mask", SET("f", "access", {USER_OWNER, 6, NONE}, {USER, 4, STRANGER},
    {GROUP_OWNER, 4, NONE}, {OTHER, 0, NONE}));
  done("a list in disorder", SET("f", "access", {OTHER, 6, NONE}, {GROUP_OWNER, 4, NONE},
    {USER_OWNER, 4, NONE}));
  done("a list of nothing", SET("f", "access", {USER_OWNER, 6, NONE}));
  done("a default list of a file", SET("f", "default", {USER_OWNER, 6, NONE},
    {GROUP_OWNER, 4, NONE}, {OTHER, 0, NONE}));
  done("remove a list that is not there", removexattr("f", "system.posix_acl_access"));
  done("of root's file", SET("roots", "access", {USER_OWNER, 6, NONE}, {GROUP_OWNER, 6, NONE},
    {OTHER, 6, NONE}));
  for (int i = 0; i < 4; i++) {
    char name[16], label[64];
    snprintf(name, sizeof name, "given%d", i);
    snprintf(label, sizeof label, "read by list %d", i);
    opened(label, open(name, O_RDONLY));
    snprintf(label, sizeof label, "write by list %d", i);
    opened(label, open(name, O_WRONLY));
    snprintf(label, sizeof label, "access by list %d", i);
    say(label, "%d%d", access(name, R_OK) == 0, access(name, W_OK) == 0);
  }
  acl("default list", "defaults", "default");
  need(chdir("defaults") == 0, "chdir");
  opened("create below a default list", open("f", O_CREAT | O_WRONLY, 0666));
  shape("its mode below it", "f");
  acl("its list", "f", "access");
  opened("create with less", open("g", O_CREAT | O_WRONLY, 0600));
  acl("its list with less", "g", "access");
  done("mkdir below it", mkdir("d", 0777));
  shape("the mode of a directory below it", "d");
  acl("inherited", "d", "default");
  acl("inherited access", "d", "access");
  done("mkfifo below it", mkfifo("p", 0666));
  acl("of a fifo", "p", "access");
  done("mknod below it", mknod("n", S_IFREG | 0666, 0));
  acl("of a node", "n", "access");
  done("symlink below it", symlink("x", "l"));
  opened("temporary below it", open(".", O_TMPFILE | O_RDWR, 0666));
  umask(077);
  opened("the umask does not count", open("u", O_CREAT | O_WRONLY, 0666));
  acl("as without it", "u", "access");
  umask(022);
  int fd = open("creat", O_CREAT | O_EXCL | O_RDWR, 0640);
  shapeOf("at once after creating", fd);
  done("remove a default list", removexattr("d", "system.posix_acl_default"));
  acl("gone", "d", "default");
  make("s", "x", 02775);
  done("a list and set-group-ID", SET("s", "access", {USER_OWNER, 7, NONE}, {USER, 4, STRANGER},
    {GROUP_OWNER, 5, NONE}, {MASK, 7, NONE}, {OTHER, 5, NONE}));
  shape("is set-group-ID kept", "s");
  done("of another group", chown("s", -1, SHARED_GROUP));
  acl("the list of it", "s", "access");
  done("a list by its members", SET("s", "access", {USER_OWNER, 7, NONE}, {USER, 5, STRANGER},
    {GROUP_OWNER, 5, NONE}, {MASK, 7, NONE}, {OTHER, 5, NONE}));
  shape("mode at last", "s");
}
