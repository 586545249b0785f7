import CLinux
import SeededRandom
import Testing

@testable import FileServer

@Suite struct FileTests {
  @Test func createWriteReadRelease() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let made = try client.create(root, "a", mode: 0o666)
      #expect(made.entry.attr.mode == UInt32(S_IFREG) | 0o644)
      #expect(try client.write(made.open.fh, at: 0, Array("hello".utf8)) == 5)
      #expect(try client.write(made.open.fh, at: 10, [33]) == 1)
      #expect(
        try client.read(made.open.fh, at: 0, 100) == Array("hello".utf8) + [0, 0, 0, 0, 0, 33])
      #expect(try client.read(made.open.fh, at: 11, 100) == [])
      #expect(fixture.read("rootfs/a") == "hello\0\0\0\0\0!")
      try client.release(made.open.fh)
      #expect(refusal { _ = try client.read(made.open.fh, at: 0, 1) } == EBADF)
      #expect(refusal { try client.release(made.open.fh) } == EBADF)
    }
  }

  @Test func appendsWhereTheEndIs() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let handle = try client.create(root, "a", O_RDWR | O_APPEND).open.fh
      try client.write(handle, at: 0, Array("one".utf8), flags: O_APPEND | O_RDWR)
      // The host has written since.
      fixture.write("rootfs/a", "hosts")
      try client.write(handle, at: 3, Array("two".utf8), flags: O_APPEND | O_RDWR)
      // A page that is written back goes where it belongs.
      try client.write(
        handle, at: 0, Array("H".utf8), writeFlags: FUSE_WRITE_CACHE, flags: O_APPEND | O_RDWR)
      try client.write(handle, at: 1, Array("O".utf8), flags: O_RDWR | O_SYNC)
      try client.write(handle, at: 2, Array("S".utf8), flags: O_RDWR | O_DSYNC)
      #expect(fixture.read("rootfs/a") == "HOStstwo")
    }
  }

  @Test func directIsPassedOnRequest() throws {
    try onServingThread {
      for passes in [false, true] {
        var settings = Settings()
        settings.passesDirect = passes
        let fixture = try Fixture(settings: settings)
        let client = try Client(fixture.server)
        let root = try client.walk("rootfs")
        let direct = CInt(CL_O_DIRECT)
        let handle = try client.create(root, "a", O_RDWR | direct).open.fh
        // Neither address nor length suit a direct write.
        let refused = refusal { try client.write(handle, at: 0, [1, 2, 3]) }
        #expect(refused == (passes ? EINVAL : 0))
        // The last page of a mapping is written anyway.
        try client.write(handle, at: 0, [1, 2, 3], writeFlags: FUSE_WRITE_CACHE)
        #expect(fixture.status("rootfs/a")?.st_size == 3)
      }
    }
  }

  @Test func unlinkedWhileOpen() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let made = try client.create(root, "a")
      try client.write(made.open.fh, at: 0, Array("content".utf8))
      try client.send(FUSE_UNLINK, root, text("a"))
      #expect(try client.attributes(made.entry.nodeid).nlink == 0)
      var change = fuse_setattr_in()
      change.valid = UInt32(FATTR_SIZE)
      change.size = 4
      #expect(try client.change(made.entry.nodeid, change).size == 4)
      change.size = 3
      change.valid |= UInt32(FATTR_FH)
      change.fh = made.open.fh
      #expect(try client.change(made.entry.nodeid, change).size == 3)
      #expect(try client.read(made.open.fh, at: 0, 10) == Array("con".utf8))
      #expect(refusal { _ = try client.link(made.entry.nodeid, root, "b") } == ENOENT)
      // A nameless file can be given a name.
      let nameless = try client.create(root, "/", opcode: FUSE_TMPFILE)
      try client.write(nameless.open.fh, at: 0, [65])
      #expect(try client.link(nameless.entry.nodeid, root, "b").attr.nlink == 1)
      #expect(fixture.read("rootfs/b") == "A")
    }
  }

  @Test func largeTransfersInSegments() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let handle = try client.create(root, "a").open.fh
      var random = SeededRandom(seed: 42)
      let data = (0..<(1 << 20)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      // More segments than one system call takes.
      var header = fuse_in_header()
      header.len = UInt32(80 + data.count)
      header.opcode = FUSE_WRITE.rawValue
      var write = fuse_write_in()
      write.fh = handle
      write.size = UInt32(data.count)
      var request = [bytes(header), bytes(write)]
      for start in stride(from: 0, to: data.count, by: 700) {
        request.append(Array(data[start..<min(start + 700, data.count)]))
      }
      let reply = fixture.server.exchange(request, room: [16, 8])
      #expect(value(fuse_write_out.self, in: Array(reply[16...])).size == UInt32(data.count))
      var read = fuse_read_in()
      read.fh = handle
      read.size = UInt32(data.count)
      header.len = UInt32(40 + MemoryLayout<fuse_read_in>.size)
      header.opcode = FUSE_READ.rawValue
      let back = fixture.server.exchange(
        [bytes(header) + bytes(read)], room: [16] + [Int](repeating: 513, count: 2100))
      #expect(Array(back[16...]) == data)
    }
  }
}
