import CLinux
import Testing

@testable import FileServer

/// What a hostile guest asks for to leave its shares.
@Suite struct EscapeTests {
  @Test func namesAreOneComponent() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let file = try client.create(root, "file").entry.nodeid
      for name in ["", ".", "..", "/", "a/b", "../outside", "/etc/passwd", "file/", "./file"] {
        #expect(refusal { _ = try client.lookup(root, name) } == EINVAL, "\(name)")
        #expect(refusal { _ = try client.lookup(1, name) } == EINVAL, "\(name)")
        #expect(refusal { _ = try client.create(root, name) } == EINVAL, "\(name)")
        #expect(refusal { _ = try client.makeDirectory(root, name) } == EINVAL, "\(name)")
        #expect(
          refusal { _ = try client.makeNode(root, name, mode: UInt32(S_IFREG)) } == EINVAL)
        #expect(refusal { _ = try client.makeSymbolicLink(root, name, to: "x") } == EINVAL)
        #expect(refusal { _ = try client.link(file, root, name) } == EINVAL, "\(name)")
        #expect(refusal { try client.rename(root, "file", root, name) } == EINVAL, "\(name)")
        #expect(refusal { try client.rename(root, name, root, "other") } == EINVAL, "\(name)")
        #expect(refusal { try client.send(FUSE_UNLINK, root, text(name)) } == EINVAL)
        #expect(refusal { try client.send(FUSE_RMDIR, root, text(name)) } == EINVAL)
      }
      let long = String(repeating: "n", count: 256)
      #expect(refusal { _ = try client.lookup(root, long) } == ENAMETOOLONG)
      // No NUL at the end, and none at all.
      #expect(refusal { try client.send(FUSE_LOOKUP, root, Array("file".utf8)) } == EINVAL)
      #expect(refusal { try client.send(FUSE_LOOKUP, root, []) } == EINVAL)
      // What is behind the first NUL is not looked at.
      #expect(try client.send(FUSE_LOOKUP, root, text("file") + text("/etc")).count == 128)
    }
  }

  @Test func symbolicLinksAreNotFollowed() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      for target in ["/etc", "../outside", "/proc/self/root"] {
        let link = try client.makeSymbolicLink(root, "link", to: target)
        #expect(link.attr.mode & UInt32(S_IFMT) == UInt32(S_IFLNK))
        #expect(try client.send(FUSE_READLINK, link.nodeid) == Array(target.utf8))
        #expect(refusal { _ = try client.lookup(link.nodeid, "secret") } == ENOTDIR)
        #expect(refusal { _ = try client.open(link.nodeid, O_RDONLY) } == ENXIO)
        #expect(refusal { _ = try client.openDirectory(link.nodeid) } == ENOTDIR)
        #expect(refusal { _ = try client.create(root, "link") } == ESTALE)
        #expect(refusal { _ = try client.create(link.nodeid, "made") } == ENOTDIR)
        var change = fuse_setattr_in()
        change.valid = UInt32(FATTR_SIZE)
        #expect(refusal { try client.change(link.nodeid, change) } == EINVAL)
        change.valid = UInt32(FATTR_MODE)
        change.mode = 0o777
        #expect(refusal { try client.change(link.nodeid, change) } == EOPNOTSUPP)
        // These act on the link itself.
        change.valid = UInt32(FATTR_UID | FATTR_MTIME)
        change.uid = 1234
        change.mtime = 5
        let after = try client.change(link.nodeid, change)
        #expect(after.uid == 1234 && after.mtime == 5)
        try client.send(FUSE_UNLINK, root, text("link"))
      }
      #expect(fixture.read("outside/secret") == "secret")
      #expect(fixture.status("outside")?.st_uid == 0)
    }
  }

  @Test func specialFilesAreNeverOpened() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      for (name, type) in [
        ("fifo", S_IFIFO), ("socket", S_IFSOCK), ("device", S_IFCHR), ("disk", S_IFBLK),
      ] {
        let node = try client.makeNode(
          root, name, mode: UInt32(type) | 0o666, device: cl_fs_encode_device(1, 3)
        ).nodeid
        for flags in [O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_TRUNC] {
          #expect(refusal { _ = try client.open(node, flags) } == ENXIO)
        }
        // A file that was made meanwhile, as its maker sees it.
        #expect(refusal { _ = try client.create(root, name) } == ESTALE)
        #expect(refusal { _ = try client.create(root, name, O_EXCL | O_RDWR) } == EEXIST)
        #expect(refusal { _ = try client.openDirectory(node) } == ENOTDIR)
        var change = fuse_setattr_in()
        change.valid = UInt32(FATTR_SIZE)
        #expect(refusal { try client.change(node, change) } == EINVAL)
        let attributes = try client.attributes(node)
        #expect(attributes.mode == UInt32(type) | 0o666)
      }
      #expect(fixture.status("rootfs/device")?.st_rdev == cl_makedev(1, 3))
    }
  }

  @Test func sharesAreApart() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let fixed = try client.walk("fixed")
      let known = try client.walk("fixed/known")
      let file = try client.create(root, "file").entry.nodeid
      #expect(refusal { try client.rename(root, "file", fixed, "file") } == EROFS)
      #expect(refusal { try client.rename(fixed, "known", root, "known") } == EROFS)
      #expect(refusal { try client.rename(root, "file", 1, "file") } == EXDEV)
      #expect(refusal { _ = try client.link(known, root, "known") } == EXDEV)
      #expect(refusal { _ = try client.link(file, fixed, "file") } == EROFS)
      #expect(refusal { _ = try client.link(try client.walk("file"), root, "x") } == EXDEV)
    }
  }

  /// The inode number of a writable share beside the open directory of a read-only one.
  @Test func aHandleKeepsItsShare() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let handle = try client.openDirectory(try client.walk("fixed"))
      let entries = try client.readDirectory(handle, node: root, at: 0, plus: true)
      let known = try #require(entries.first { $0.name == "known" })
      #expect(known.node != 0)
      #expect(refusal { _ = try client.open(known.node, O_WRONLY) } == EROFS)
      #expect(fixture.read("fixed/known") == "fixed")
    }
  }

  @Test func proc() throws {
    try onServingThread {
      let fixture = try Fixture()
      // A share of proc, and one with proc mounted in it.
      let root = cl_openat(AT_FDCWD, "/proc", O_PATH | O_CLOEXEC, 0)
      defer { close(root) }
      let self_ = Fixture.procSelfFd
      defer { close(self_) }
      #expect(throws: (any Error).self) {
        try FileServer(
          shares: [Share(name: "p", root: root, isReadOnly: false)], procSelfFd: self_)
      }
      let top = cl_openat(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0)
      defer { close(top) }
      let server = try FileServer(
        shares: [Share(name: "top", root: top, isReadOnly: false)], procSelfFd: self_)
      let client = try Client(server)
      let node = try client.walk("top")
      #expect(refusal { _ = try client.lookup(node, "proc") } == EACCES)
      let listed = try client.list(node, plus: true)
      #expect(listed.first { $0.name == "proc" }?.node == 0)
      _ = fixture
    }
  }

  /// A directory that the host moves out of the share leads nowhere above itself.
  @Test func renamedWhileKnown() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let directory = try client.makeDirectory(root, "d").nodeid
      #expect(rename(fixture.path + "/rootfs/d", fixture.path + "/outside/d") == 0)
      #expect(refusal { _ = try client.lookup(directory, "..") } == EINVAL)
      #expect(refusal { _ = try client.lookup(root, "d") } == ENOENT)
      #expect(symlink("/etc", fixture.path + "/rootfs/d") == 0)
      let now = try client.lookup(root, "d")
      #expect(now.nodeid != directory)
      #expect(now.attr.mode & UInt32(S_IFMT) == UInt32(S_IFLNK))
    }
  }

  @Test func attributesThatTheHostTrusts() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let directory = try client.makeDirectory(root, "d").nodeid
      for name in ["trusted.overlay.opaque", "trusted.x", "security.selinux", "security.ima"] {
        #expect(refusal { try client.setAttribute(directory, name, [121]) } == EPERM, "\(name)")
        #expect(refusal { try client.send(FUSE_REMOVEXATTR, directory, text(name)) } == EPERM)
      }
      let path = fixture.path + "/rootfs/d"
      #expect(setxattr(path, "trusted.overlay.opaque", "y", 1, 0) == 0)
      #expect(setxattr(path, "user.seen", "y", 1, 0) == 0)
      #expect(
        refusal { _ = try client.attribute(directory, "trusted.overlay.opaque") } == ENODATA)
      let list = try client.send(
        FUSE_LISTXATTR, directory, bytes(fuse_getxattr_in(size: 4096, padding: 0)))
      #expect(list == text("user.seen"))
      let size = try client.send(
        FUSE_LISTXATTR, directory, bytes(fuse_getxattr_in(size: 0, padding: 0)))
      #expect(value(UInt32.self, in: size) == UInt32(text("user.seen").count))
    }
  }
}
