// Fifos, devices and sockets.
#include "areas.h"
#include <poll.h>
#include <sys/sysmacros.h>

static void writeToFifo(void *argument) {
  (void)argument;
  int fd = open("p", O_WRONLY);
  need(write(fd, "through", 7) == 7, "write");
}

static void device(const char *name, mode_t type, unsigned major, unsigned minor) {
  char label[96];
  snprintf(label, sizeof label, "mknod of %s", name);
  done(label, mknod(name, type | 0660, makedev(major, minor)));
  struct stat info;
  snprintf(label, sizeof label, "number of %s", name);
  if (lstat(name, &info) < 0) done(label, -1);
  else say(label, "%u:%u %o", major(info.st_rdev), minor(info.st_rdev), info.st_mode);
}

void special(void) {
  done("mkfifo", mkfifo("p", 0644));
  shape("a fifo", "p");
  opened("open for writing without a reader", open("p", O_WRONLY | O_NONBLOCK));
  int reader = open("p", O_RDONLY | O_NONBLOCK);
  done("open for reading without a writer", reader);
  char text[64] = "";
  value("read without a writer", read(reader, text, 8));
  int writer = open("p", O_WRONLY | O_NONBLOCK);
  done("open for writing with a reader", writer);
  value("read of nothing", read(reader, text, 8));
  value("write", write(writer, "fifo", 4));
  struct pollfd wait = {reader, POLLIN, 0};
  value("poll", poll(&wait, 1, 0));
  value("read", read(reader, text, 8));
  say("what came", "%.4s", text);
  shapeOf("its shape while open", reader);
  close(reader);
  value("write without a reader", write(writer, "x", 1));
  close(writer);
  opened("open for both", open("p", O_RDWR | O_NONBLOCK));
  pid_t pid = fork();
  need(pid >= 0, "fork");
  if (pid == 0) {
    writeToFifo(NULL);
    _exit(0);
  }
  int waiting = open("p", O_RDONLY);
  value("through a fifo", read(waiting, text, 8));
  need(waitpid(pid, NULL, 0) == pid, "waitpid");
  say("what came through", "%.7s", text);
  close(waiting);
  done("link of a fifo", link("p", "q"));
  reader = open("q", O_RDONLY | O_NONBLOCK);
  writer = open("p", O_WRONLY | O_NONBLOCK);
  done("two names are one fifo", writer);
  value("a write by one", write(writer, "one", 3));
  value("a read by the other", read(reader, text, 8));
  value("lseek of a fifo", lseek(reader, 0, SEEK_SET));
  done("rename of a fifo", rename("q", "r"));
  done("chmod of a fifo", chmod("r", 0600));
  shape("its mode", "r");
  device("null", S_IFCHR, 1, 3);
  device("zero", S_IFCHR, 1, 5);
  device("large", S_IFCHR, 4095, 1048575);
  device("disk", S_IFBLK, 7, 300);
  device("file", S_IFREG, 1, 3);
  device("whiteout", S_IFCHR, 0, 0);
  opened("open of a null device", open("null", O_RDWR));
  int zero = open("zero", O_RDONLY | O_CLOEXEC);
  done("open of a zero device", zero);
  if (zero >= 0) value("read of it", read(zero, text, 8));
  opened("open of a device that is not there", open("large", O_RDONLY));
  opened("open of O_PATH", open("large", O_PATH));
  done("rename of a device", rename("null", "null2"));
  done("unlink of a device", unlink("null2"));
  done("the files unlinked", unlink("large") | unlink("disk") | unlink("whiteout") | unlink("zero"));
}

static int make_(const char *path, int type, bool binds) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  need(fd >= 0, "socket");
  int result = binds ? bind(fd, (void *)&address, sizeof address)
    : connect(fd, (void *)&address, sizeof address);
  if (result < 0) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

void sockets(void) {
  int server = make_("s", SOCK_STREAM, true);
  done("bind", server);
  shape("a socket", "s");
  opened("bind to what is there", make_("s", SOCK_STREAM, true));
  opened("connect before listen", make_("s", SOCK_STREAM, false));
  done("listen", listen(server, 4));
  int client = make_("s", SOCK_STREAM, false);
  done("connect", client);
  int peer = accept(server, NULL, NULL);
  done("accept", peer);
  value("send", send(client, "hello", 5, 0));
  char text[64] = "";
  value("receive", recv(peer, text, 8, 0));
  struct sockaddr_un address;
  socklen_t size = sizeof address;
  done("name of the socket", getsockname(server, (void *)&address, &size));
  say("it is", "%s", address.sun_path);
  done("rename", rename("s", "t"));
  opened("connect to the old name", make_("s", SOCK_STREAM, false));
  opened("connect to the new name", make_("t", SOCK_STREAM, false));
  done("link", link("t", "u"));
  opened("connect to the link", make_("u", SOCK_STREAM, false));
  need(symlink("t", "v") == 0, "symlink");
  opened("connect through a symlink", make_("v", SOCK_STREAM, false));
  opened("connect with another type", make_("t", SOCK_DGRAM, false));
  opened("open of a socket", open("t", O_RDWR));
  done("chmod", chmod("t", 0));
  opened("connect without permission", make_("t", SOCK_STREAM, false));
  done("unlink", unlink("t"));
  close(server);
  opened("connect to one that nobody has", make_("u", SOCK_STREAM, false));
  opened("connect to nothing", make_("nothing", SOCK_STREAM, false));
  make("f", "x", 0666);
  opened("connect to a file", make_("f", SOCK_STREAM, false));
  int datagrams = make_("d", SOCK_DGRAM, true);
  done("bind for datagrams", datagrams);
  int sender = make_("d", SOCK_DGRAM, false);
  done("connect for datagrams", sender);
  value("send a datagram", send(sender, "gram", 4, 0));
  value("receive a datagram", recv(datagrams, text, 64, 0));
  char path[120];
  memset(path, 'x', sizeof path);
  path[107] = 0;
  opened("a name of 107 bytes", make_(path, SOCK_STREAM, true));
  opened("bind in a directory that is not there", make_("nothing/s", SOCK_STREAM, true));
  umask(077);
  opened("with umask 077", make_("w", SOCK_STREAM, true));
  shape("its mode", "w");
  done("mknod of a socket", mknod("x", S_IFSOCK | 0644, 0));
  shape("a socket by mknod", "x");
  opened("connect to it", make_("x", SOCK_STREAM, false));
}
