import CLinux
import Linux
import Testing

@testable import FileServer

/// Attempts to leave a share while the host changes it, by numbers of before, and by half requests.
@Suite struct LeavingTests {
  /// A name that is now a directory, now a symbolic link out of the share, at any moment.
  @Test func namesThatAreExchanged() throws {
    try onServingThread {
      let fixture = try Fixture()
      mkdir(fixture.path + "/rootfs/d", 0o755)
      fixture.write("rootfs/d/secret", "inside")
      #expect(symlink(fixture.path + "/outside", fixture.path + "/rootfs/s") == 0)
      let (one, two) = (fixture.path + "/rootfs/d", fixture.path + "/rootfs/s")
      let exchanger = Exchanger(one, two)
      defer { exchanger.end() }
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      var counts = [0, 0]
      while counts[0] < 500 || counts[1] < 500 {
        let found = try client.lookup(root, "d")
        let isLink = found.attr.mode & UInt32(S_IFMT) == UInt32(S_IFLNK)
        counts[isLink ? 1 : 0] += 1
        if isLink {
          #expect(refusal { _ = try client.lookup(found.nodeid, "secret") } == ENOTDIR)
          #expect(refusal { _ = try client.openDirectory(found.nodeid) } == ENOTDIR)
        } else {
          let file = try client.lookup(found.nodeid, "secret")
          let handle = try client.open(file.nodeid, O_RDONLY).fh
          #expect(try client.read(handle, at: 0, 100) == Array("inside".utf8))
          try client.release(handle)
          try client.forget(file.nodeid, 1)
          // A name of the exchanged directory, made while it may be elsewhere.
          let made = try client.create(found.nodeid, "made")
          try client.release(made.open.fh)
          try client.send(FUSE_UNLINK, found.nodeid, text("made"))
          try client.forget(made.entry.nodeid, 1)
        }
        try client.forget(found.nodeid, 1)
      }
      #expect(fixture.status("outside/made") == nil)
    }
  }

  /// A directory that is known, moved by the host out of the share and elsewhere again.
  @Test func directoriesThatMoveWhileTheyAreUsed() throws {
    try onServingThread {
      let fixture = try Fixture()
      for name in ["rootfs/a", "rootfs/a/b", "outside/place"] {
        mkdir(fixture.path + "/" + name, 0o755)
      }
      let exchanger = Exchanger(fixture.path + "/rootfs/a", fixture.path + "/outside/place")
      defer { exchanger.end() }
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      var inner: fuse_entry_out?
      while inner == nil { inner = try? client.lookup(client.lookup(root, "a").nodeid, "b") }
      let node = try #require(inner).nodeid
      for _ in 0..<1000 {
        for name in ["..", "../secret", "../../outside/secret"] {
          #expect(refusal { _ = try client.lookup(node, name) } == EINVAL)
        }
        #expect(refusal { _ = try client.lookup(node, "secret") } == ENOENT)
        let listed = try client.list(node, plus: true)
        #expect(listed.map(\.name).sorted() == [".", ".."])
        // What is above it is never told as something to look up.
        #expect(listed.allSatisfy { $0.node == 0 })
      }
    }
  }

  /// The slot of a number that was given back has another file in it.
  @Test func numbersAreNotUsedAgain() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      for name in ["a", "b"] { fixture.write("rootfs/" + name, name) }
      var oldNodes: Set<UInt64> = []
      var oldHandles: Set<UInt64> = []
      for round in 0..<200 {
        let node = try client.lookup(root, round % 2 == 0 ? "a" : "b").nodeid
        let handle = try client.open(node, O_RDONLY).fh
        #expect(oldNodes.insert(node).inserted && oldHandles.insert(handle).inserted)
        for old in oldNodes where old != node {
          #expect(refusal { _ = try client.open(old, O_RDONLY) } == ESTALE)
        }
        for old in oldHandles where old != handle {
          #expect(refusal { _ = try client.read(old, at: 0, 1) } == EBADF)
        }
        try client.release(handle)
        try client.forget(node, 1)
      }
    }
  }

  /// Requests whose end is missing, as each operation with names has one.
  @Test func halfRequests() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let file = try client.create(root, "file").entry.nodeid
      let unended = Array("name".utf8)
      let bodies: [(fuse_opcode, [UInt8])] = [
        (FUSE_RENAME2, bytes(fuse_rename2_in(newdir: root, flags: 0, padding: 0)) + text("file")),
        (
          FUSE_RENAME2,
          bytes(fuse_rename2_in(newdir: root, flags: 0, padding: 0)) + text("file") + unended
        ),
        (FUSE_RENAME, bytes(fuse_rename_in(newdir: root)) + text("file")),
        (FUSE_SYMLINK, text("name")), (FUSE_SYMLINK, text("name") + unended),
        (FUSE_SYMLINK, unended), (FUSE_LINK, bytes(fuse_link_in(oldnodeid: file)) + unended),
        (FUSE_LINK, bytes(UInt32(0))), (FUSE_MKDIR, bytes(fuse_mkdir_in()) + unended),
        (FUSE_MKNOD, bytes(fuse_mknod_in()) + unended), (FUSE_MKNOD, bytes(UInt64(0))),
        (FUSE_CREATE, bytes(fuse_create_in()) + unended), (FUSE_CREATE, []),
        (FUSE_UNLINK, unended), (FUSE_RMDIR, []), (FUSE_REMOVEXATTR, Array("user.x".utf8)),
        (FUSE_GETXATTR, bytes(fuse_getxattr_in(size: .max, padding: 0)) + unended),
        (FUSE_SETXATTR, bytes(fuse_setxattr_in()) + unended), (FUSE_SETATTR, bytes(UInt64(8))),
        (FUSE_READDIR, bytes(UInt64(0))), (FUSE_RELEASE, []), (FUSE_LSEEK, []),
        (FUSE_FALLOCATE, []), (FUSE_COPY_FILE_RANGE, bytes(UInt64(0))),
      ]
      for (opcode, body) in bodies {
        #expect(refusal { try client.send(opcode, root, body) } == EINVAL, "\(opcode) \(body)")
      }
      #expect(try client.list(root).map(\.name).sorted() == [".", "..", "file"])
    }
  }

  /// Directory listings into less and into more room than there is.
  @Test func listingsOfAnySize() throws {
    try onServingThread {
      let fixture = try Fixture()
      for index in 0..<300 { fixture.write("rootfs/a-name-of-some-length-\(index)", "") }
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let handle = try client.openDirectory(root)
      for plus in [FUSE_READDIR, FUSE_READDIRPLUS] {
        for (size, room) in [
          (0, 0), (0, 8192), (.max, 0), (.max, 24), (.max, 500), (10, 500), (.max, 1 << 20),
        ] as [(UInt32, Int)] {
          for offset: UInt64 in [0, 1, 5, .max, 1 << 63, UInt64(Int64.max)] {
            var arguments = fuse_read_in()
            arguments.fh = handle
            arguments.size = size
            arguments.offset = offset
            let reply = try? client.send(plus, root, bytes(arguments), room: room)
            #expect(reply.map { $0.count <= room && $0.count <= size } ?? true)
          }
        }
      }
      #expect(try client.list(root).count == 302)
    }
  }
}

/// What the host mounts in a share is of the share: bound by its flags, and no way out of it.
@Suite(.enabled(if: geteuid() == 0)) struct BindMountTests {
  @Test func staysInItsShare() throws {
    try onServingThread {
      let fixture = try Fixture(isBounded: true)
      for name in ["rootfs", "fixed"] {
        let point = fixture.path + "/\(name)/bound"
        mkdir(point, 0o755)
        try system("mount", point) {
          cl_mount(fixture.path + "/outside", point, nil, UInt(MS_BIND), nil)
        }
      }
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let bound = try client.walk("rootfs/bound")
      #expect(refusal { _ = try client.lookup(bound, "..") } == EINVAL)
      let secret = try client.lookup(bound, "secret").nodeid
      #expect(refusal { try client.rename(bound, "secret", root, "x") } == EXDEV)
      #expect(refusal { _ = try client.link(secret, root, "x") } == EXDEV)
      #expect(refusal { try client.send(FUSE_RMDIR, root, text("bound")) } == EBUSY)
      #expect(refusal { try client.rename(root, "bound", root, "moved") } == EBUSY)
      // The same file by a share that is read-only: another number, and the share's own rights.
      let fixed = try client.walk("fixed/bound")
      let same = try client.lookup(fixed, "secret").nodeid
      #expect(same != secret)
      #expect(refusal { _ = try client.open(same, O_WRONLY) } == EROFS)
      #expect(refusal { _ = try client.create(fixed, "x") } == EROFS)
      #expect(refusal { try client.send(FUSE_UNLINK, fixed, text("secret")) } == EROFS)
      #expect(try client.open(secret, O_RDWR).fh != 0)
    }
  }
}

/// A thread of the host that exchanges two names for as long as it lives.
private final class Exchanger {
  private final class Box {
    let one: String
    let two: String
    let isEnding = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
    init(_ one: String, _ two: String) {
      self.one = one
      self.two = two
      isEnding.pointee = 0
    }
    deinit { isEnding.deallocate() }
  }
  private let box: Box
  private var thread = pthread_t()

  init(_ one: String, _ two: String) {
    box = Box(one, two)
    pthread_create(
      &thread, nil,
      { argument in
        let box = Unmanaged<Box>.fromOpaque(argument!).takeUnretainedValue()
        while cl_load8(box.isEnding) == 0 {
          // RENAME_EXCHANGE
          _ = cl_fs_renameat2(AT_FDCWD, box.one, AT_FDCWD, box.two, 2)
        }
        return nil
      }, Unmanaged.passUnretained(box).toOpaque())
  }

  func end() {
    cl_store8(box.isEnding, 1)
    pthread_join(thread, nil)
  }
}
