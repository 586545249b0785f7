import CLinux
import Testing

@testable import FileServer

/// FUSE_INIT and what depends on it.
@Suite struct SessionTests {
  private static func initialize(
    _ server: FileServer, major: UInt32, minor: UInt32, flags: UInt32 = 0, length: Int = 64
  ) -> (error: CInt, out: fuse_init_out?) {
    var body = bytes(major) + bytes(minor) + bytes(UInt32(131_072)) + bytes(flags)
    body += [UInt8](repeating: 0, count: 48)
    var header = fuse_in_header()
    header.len = UInt32(40 + length)
    header.opcode = FUSE_INIT.rawValue
    let reply = server.exchange([bytes(header), Array(body[..<length])], room: [16, 64])
    let error = -value(fuse_out_header.self, in: reply).error
    return (error, error == 0 ? value(fuse_init_out.self, in: Array(reply[16...])) : nil)
  }

  @Test func versions() throws {
    try onServingThread {
      let fixture = try Fixture()
      let server = fixture.server
      #expect(Self.initialize(server, major: 6, minor: 99).error == EPROTO)
      #expect(Self.initialize(server, major: 7, minor: 30).error == EPROTO)
      let newer = Self.initialize(server, major: 8, minor: 0)
      #expect(newer.out?.major == 7)
      let old = try #require(Self.initialize(server, major: 7, minor: 31, length: 16).out)
      #expect(old.major == 7 && old.flags == 0 && old.flags2 == 0)
      #expect(old.max_write == 1 << 20 && old.max_pages == 256)
      // Half a structure that says it is a long one.
      let cut = Self.initialize(
        server, major: 7, minor: 38, flags: UInt32(FUSE_INIT_EXT), length: 16)
      #expect(cut.error == EINVAL)
    }
  }

  @Test func nothingBefore() throws {
    try onServingThread {
      let fixture = try Fixture()
      var header = fuse_in_header()
      header.len = 40
      header.opcode = FUSE_GETATTR.rawValue
      header.nodeid = 2
      let reply = fixture.server.exchange([bytes(header)], room: [16, 200])
      #expect(value(fuse_out_header.self, in: reply).error == -ENOTCONN)
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let made = try client.create(root, "a")
      try client.send(FUSE_DESTROY, 0)
      #expect(refusal { _ = try client.attributes(2) } == ENOTCONN)
      _ = try Client(fixture.server)
      #expect(refusal { _ = try client.attributes(made.entry.nodeid) } == ESTALE)
      #expect(refusal { _ = try client.read(made.open.fh, at: 0, 1) } == EBADF)
      _ = try client.attributes(root)
    }
  }

  @Test(arguments: [(.none, 0), (.auto, 1), (.always, 86_400)] as [(CacheMode, UInt64)])
  func cacheModes(_ mode: CacheMode, _ seconds: UInt64) throws {
    try onServingThread {
      var settings = Settings()
      settings.cache = mode
      let fixture = try Fixture(settings: settings)
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      fixture.write("rootfs/a", "text")
      let entry = try client.lookup(root, "a")
      #expect(entry.entry_valid == seconds && entry.attr_valid == seconds)
      let absent = try? client.send(FUSE_LOOKUP, root, text("none"))
      #expect((absent == nil) == (mode == .none))
      let flags = CInt(try client.open(entry.nodeid, O_RDONLY).open_flags)
      #expect((flags & FOPEN_DIRECT_IO != 0) == (mode == .none))
      #expect((flags & FOPEN_KEEP_CACHE != 0) == (mode == .always))
    }
  }

  /// Data is kept over an open when the file has not changed since the one before.
  @Test func cacheOfUnchangedFiles() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      fixture.write("rootfs/a", "text")
      let node = try client.lookup(root, "a").nodeid
      func isKept() throws -> Bool {
        let opened = try client.open(node, O_RDONLY)
        // However often it is asked, the quota of open files must not end.
        try client.release(opened.fh)
        return CInt(opened.open_flags) & FOPEN_KEEP_CACHE != 0
      }
      // A change that is as young as this one may have a second with the same time.
      #expect(try !isKept() && !isKept())
      let deadline = cl_monotonic_ns() + 20_000_000_000
      var isSettled = false
      while !isSettled, cl_monotonic_ns() < deadline { isSettled = try isKept() }
      #expect(isSettled)
      #expect(try isKept())
      fixture.write("rootfs/a", "else")
      #expect(try !isKept())
    }
  }

  @Test func refusedForGood() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let body = [UInt8](repeating: 0, count: 64)
      for opcode in [
        FUSE_GETLK, FUSE_SETLK, FUSE_SETLKW, FUSE_ACCESS, FUSE_POLL, FUSE_FLUSH, FUSE_BMAP,
        FUSE_SETUPMAPPING, FUSE_REMOVEMAPPING, FUSE_NOTIFY_REPLY,
      ] {
        #expect(refusal { try client.send(opcode, root, body) } == ENOSYS, "\(opcode)")
      }
      #expect(refusal { try client.send(FUSE_IOCTL, root, body) } == ENOTTY)
      #expect(try client.send(FUSE_INTERRUPT, root, body).isEmpty)
    }
  }
}
