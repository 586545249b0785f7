import CLinux
import Testing

@testable import FileServer

/// The root of the mount, and shares that are read-only or single files.
@Suite struct RootTests {
  @Test func rootHasTheShares() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      #expect(try client.attributes(1).mode == UInt32(S_IFDIR) | 0o755)
      for plus in [false, true] {
        let names = try client.list(1, size: 400, plus: plus).map(\.name)
        #expect(names == [".", "..", "rootfs", "fixed", "file"])
      }
      #expect(refusal { _ = try client.lookup(1, "none") } == ENOENT)
      #expect(refusal { _ = try client.lookup(1, "roots") } == ENOENT)
      #expect(refusal { _ = try client.create(1, "x") } == EROFS)
      #expect(refusal { _ = try client.makeDirectory(1, "x") } == EROFS)
      #expect(refusal { try client.send(FUSE_RMDIR, 1, text("rootfs")) } == EROFS)
      #expect(refusal { try client.rename(1, "rootfs", 1, "other") } == EROFS)
      #expect(refusal { try client.change(1, fuse_setattr_in()) } == EROFS)
      #expect(refusal { _ = try client.attribute(1, "user.x") } == ENODATA)
      #expect(try client.send(FUSE_STATFS, 1).count == MemoryLayout<fuse_statfs_out>.size)
      try client.send(FUSE_SYNCFS, 1, bytes(fuse_syncfs_in()))
    }
  }

  @Test func singleFile() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let node = try client.walk("file")
      let handle = try client.open(node, O_RDWR).fh
      #expect(try client.read(handle, at: 0, 100) == Array("alone".utf8))
      try client.write(handle, at: 5, [33])
      #expect(fixture.read("single") == "alone!")
      #expect(refusal { _ = try client.lookup(node, "x") } == ENOTDIR)
      #expect(refusal { _ = try client.openDirectory(node) } == ENOTDIR)
    }
  }

  @Test func readOnlyShare() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let fixed = try client.walk("fixed")
      let known = try client.lookup(fixed, "known").nodeid
      let handle = try client.open(known, O_RDONLY).fh
      #expect(try client.read(handle, at: 0, 100) == Array("fixed".utf8))
      let refusals = Self.changes(client, fixed, known)
      #expect(refusals.allSatisfy { $0 == EROFS }, "\(refusals)")
      // By the handle there is no way either.
      #expect(refusal { try client.write(handle, at: 0, [1]) } == EROFS)
      var area = fuse_fallocate_in()
      area.fh = handle
      area.length = 100
      #expect(refusal { try client.send(FUSE_FALLOCATE, known, bytes(area)) } == EROFS)
      var change = fuse_setattr_in()
      change.valid = UInt32(FATTR_SIZE | FATTR_FH)
      change.fh = handle
      let writable = try client.create(try client.walk("rootfs"), "x").entry.nodeid
      #expect(refusal { try client.change(writable, change) } == EROFS)
      #expect(fixture.read("fixed/known") == "fixed")
    }
  }

  /// What each way of changing a directory or its file is refused with.
  private static func changes(_ client: Client, _ fixed: UInt64, _ known: UInt64) -> [CInt] {
    var refusals: [CInt] = []
    for flags in [
      O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC, O_WRONLY | O_TRUNC, O_ACCMODE, O_RDWR | O_APPEND,
    ] {
      refusals.append(refusal { _ = try client.open(known, flags) })
    }
    refusals.append(refusal { _ = try client.create(fixed, "x") })
    refusals.append(refusal { _ = try client.create(fixed, "known", O_RDONLY) })
    refusals.append(refusal { _ = try client.create(fixed, "/", opcode: FUSE_TMPFILE) })
    refusals.append(refusal { _ = try client.makeDirectory(fixed, "x") })
    refusals.append(refusal { _ = try client.makeNode(fixed, "x", mode: UInt32(S_IFIFO)) })
    refusals.append(refusal { _ = try client.makeSymbolicLink(fixed, "x", to: "y") })
    refusals.append(refusal { _ = try client.link(known, fixed, "x") })
    refusals.append(refusal { try client.rename(fixed, "known", fixed, "x") })
    refusals.append(refusal { try client.send(FUSE_UNLINK, fixed, text("known")) })
    refusals.append(refusal { try client.send(FUSE_RMDIR, fixed, text("known")) })
    refusals.append(refusal { try client.setAttribute(known, "user.x", [1]) })
    refusals.append(refusal { try client.send(FUSE_REMOVEXATTR, known, text("user.x")) })
    for valid in [FATTR_MODE, FATTR_UID, FATTR_SIZE, FATTR_MTIME | FATTR_MTIME_NOW] {
      var change = fuse_setattr_in()
      change.valid = UInt32(valid)
      refusals.append(refusal { try client.change(known, change) })
    }
    return refusals
  }

  /// A share that is sealed while files of it are open for writing.
  @Test func sealing() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let made = try client.create(root, "a")
      try client.write(made.open.fh, at: 0, [65])
      fixture.server.makeReadOnly(share: "rootfs")
      #expect(refusal { try client.write(made.open.fh, at: 0, [66]) } == EROFS)
      var change = fuse_setattr_in()
      change.valid = UInt32(FATTR_SIZE | FATTR_FH)
      change.fh = made.open.fh
      // By way of the number of another share, too.
      for node in [made.entry.nodeid, try client.walk("file")] {
        #expect(refusal { try client.change(node, change) } == EROFS)
      }
      var range = fuse_copy_file_range_in()
      range.fh_in = made.open.fh
      range.fh_out = made.open.fh
      range.off_out = 10
      range.len = 1
      #expect(refusal { try client.send(FUSE_COPY_FILE_RANGE, root, bytes(range)) } == EROFS)
      #expect(refusal { _ = try client.create(root, "b") } == EROFS)
      #expect(fixture.read("rootfs/a") == "A")
      #expect(try client.read(made.open.fh, at: 0, 10) == [65])
    }
  }

  @Test func names() throws {
    let fixture = try Fixture()
    let root = cl_openat(AT_FDCWD, fixture.path, O_PATH | O_CLOEXEC, 0)
    let self_ = Fixture.procSelfFd
    defer {
      close(root)
      close(self_)
    }
    for names in [[""], ["."], [".."], ["a/b"], ["a", "a"], [String(repeating: "n", count: 256)]] {
      #expect(throws: (any Error).self, "\(names)") {
        try FileServer(
          shares: names.map { Share(name: $0, root: root, isReadOnly: false) },
          procSelfFd: self_)
      }
    }
    #expect(throws: (any Error).self) {
      try FileServer(
        shares: [Share(name: "a", root: -1, isReadOnly: false)], procSelfFd: self_)
    }
  }
}
