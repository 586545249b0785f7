import CLinux
import Testing

@testable import FileServer

/// Files in the DAX window, as a guest sees it: by the window's memory.
@Suite struct MappingTests {
  private static let unit = UInt64(FileWindow.granule)
  private static let read = UInt64(CL_FUSE_SETUPMAPPING_FLAG_READ)
  private static let write = UInt64(CL_FUSE_SETUPMAPPING_FLAG_WRITE)

  /// A fixture with a window of four units, and a guest that uses it.
  private struct Setting {
    let window: FileWindow
    let fixture: Fixture
    let client: Client
    let root: UInt64

    init(flags: UInt64 = .max >> 1) throws {
      window = try FileWindow(size: 4 * FileWindow.granule)
      var settings = Settings(window: window)
      settings.smallestMapped = 4
      fixture = try Fixture(settings: settings)
      client = try Client(fixture.server, flags: flags)
      root = try client.walk("rootfs")
    }

    /// What a system call finds at an offset of the window: its bytes, or its errno.
    func look(_ offset: UInt64, _ count: Int) -> Result<String, Client.Refusal> {
      var ends: [CInt] = [0, 0]
      #expect(pipe(&ends) == 0)
      defer { for end in ends { close(end) } }
      let count = cl_write(ends[1], window.base + Int(offset), count)
      if count < 0 { return .failure(Client.Refusal(errno: CInt(-count))) }
      var buffer = [UInt8](repeating: 0, count: count)
      #expect(cl_read(ends[0], &buffer, count) == count)
      return .success(String(decoding: buffer, as: UTF8.self))
    }

    /// Whether a system call can write there.
    func canWrite(_ offset: UInt64) -> Bool {
      var ends: [CInt] = [0, 0]
      #expect(pipe(&ends) == 0)
      defer { for end in ends { close(end) } }
      #expect(cl_write(ends[1], "x", 1) == 1)
      return cl_read(ends[0], window.base + Int(offset), 1) == 1
    }

    func map(
      _ node: UInt64, from: UInt64 = 0, at: UInt64 = 0, length: UInt64 = unit, flags: UInt64 = read
    ) throws {
      var arguments = fuse_setupmapping_in()
      arguments.fh = .max
      arguments.foffset = from
      arguments.len = length
      arguments.flags = flags
      arguments.moffset = at
      #expect(try client.send(FUSE_SETUPMAPPING, node, bytes(arguments)).isEmpty)
    }

    func remove(_ ranges: [(at: UInt64, length: UInt64)], count: UInt32? = nil) throws {
      var body = bytes(fuse_removemapping_in(count: count ?? UInt32(ranges.count)))
      for range in ranges {
        body += bytes(fuse_removemapping_one(moffset: range.at, len: range.length))
      }
      #expect(try client.send(FUSE_REMOVEMAPPING, root, body).isEmpty)
    }
  }

  @Test func filesComeAndGo() throws {
    try onServingThread {
      let setting = try Setting()
      setting.fixture.write("rootfs/one", "first")
      setting.fixture.write("rootfs/two", "second")
      let one = try setting.client.lookup(setting.root, "one").nodeid
      let two = try setting.client.lookup(setting.root, "two").nodeid
      #expect(setting.look(0, 5) == .failure(.init(errno: EFAULT)))
      try setting.map(one)
      try setting.map(two, at: 3 * Self.unit)
      #expect(setting.look(0, 5) == .success("first"))
      #expect(setting.look(3 * Self.unit, 6) == .success("second"))
      // Behind the last page of a file there is nothing.
      #expect(setting.look(4096, 1) == .failure(.init(errno: EFAULT)))
      #expect(setting.look(Self.unit, 1) == .failure(.init(errno: EFAULT)))
      // Another one in the same place, and none.
      try setting.map(two)
      #expect(setting.look(0, 6) == .success("second"))
      try setting.remove([(0, Self.unit), (2 * Self.unit, 2 * Self.unit)])
      for place in 0..<4 {
        #expect(setting.look(UInt64(place) * Self.unit, 1) == .failure(.init(errno: EFAULT)))
      }
    }
  }

  @Test func whatIsWrittenIsInTheFile() throws {
    try onServingThread {
      let setting = try Setting()
      setting.fixture.write("rootfs/file", "text")
      let node = try setting.client.lookup(setting.root, "file").nodeid
      try setting.map(node)
      #expect(!setting.canWrite(1))
      // The guest's kernel asks for more of what it has.
      try setting.map(node, flags: Self.read | Self.write)
      #expect(setting.canWrite(1))
      #expect(setting.fixture.read("rootfs/file") == "txxt")
      // The file of a mapping is not that of its name.
      #expect(unlink(setting.fixture.path + "/rootfs/file") == 0)
      #expect(setting.look(0, 4) == .success("txxt"))
    }
  }

  @Test func aFileThatGetsShorterEndsTheCallAlone() throws {
    try onServingThread {
      let setting = try Setting()
      setting.fixture.write("rootfs/file", "text")
      let file = setting.fixture.path + "/rootfs/file"
      #expect(truncate(file, 8192) == 0)
      let node = try setting.client.lookup(setting.root, "file").nodeid
      try setting.map(node, flags: Self.write)
      #expect(setting.canWrite(4096))
      #expect(truncate(file, 10) == 0)
      #expect(setting.look(4096, 1) == .failure(.init(errno: EFAULT)))
      #expect(!setting.canWrite(4096))
      #expect(truncate(file, 8192) == 0)
      #expect(setting.canWrite(4096))
    }
  }

  @Test func onlyWholeUnitsInsideOfTheWindow() throws {
    try onServingThread {
      let setting = try Setting()
      setting.fixture.write("rootfs/file", "text")
      let node = try setting.client.lookup(setting.root, "file").nodeid
      let unit = Self.unit
      for (from, at, length): (UInt64, UInt64, UInt64) in [
        (0, 0, 0), (0, 0, 1), (0, 0, 4096), (0, 4096, unit), (4096, 0, unit), (0, 1, unit),
        (0, 4 * unit, unit), (0, 3 * unit, 2 * unit), (0, 0, 5 * unit), (0, 0, 0 &- unit),
        (0, 0 &- unit, unit), (0, 0 &- unit, 2 * unit), (0, unit, 0 &- unit),
        (0 &- unit, 0, unit), (1 << 63, 0, unit), ((1 << 63) - unit, 0, unit),
      ] {
        let result = refusal { try setting.map(node, from: from, at: at, length: length) }
        #expect(result == EINVAL || result == EOVERFLOW, "\(from) \(at) \(length): \(result)")
        if from == 0 {
          #expect(refusal { try setting.remove([(at, length)]) } == EINVAL, "\(at) \(length)")
        }
      }
      #expect(refusal { try setting.map(node, flags: 4) } == EINVAL)
      #expect(refusal { try setting.map(node, flags: .max) } == EINVAL)
      for place in 0..<4 {
        #expect(setting.look(UInt64(place) * unit, 1) == .failure(.init(errno: EFAULT)))
      }
      // A count that lies: what is there is done, then the request ends.
      try setting.map(node)
      #expect(refusal { try setting.remove([(0, unit)], count: .max) } == EINVAL)
      #expect(setting.look(0, 1) == .failure(.init(errno: EFAULT)))
    }
  }

  @Test func onlyRegularFilesThatTheGuestKnows() throws {
    try onServingThread {
      let setting = try Setting()
      let fifo = try setting.client.makeNode(setting.root, "fifo", mode: UInt32(S_IFIFO) | 0o600)
      let link = try setting.client.makeSymbolicLink(setting.root, "link", to: "/etc/passwd")
      for node in [setting.root, fifo.nodeid, link.nodeid] {
        #expect(refusal { try setting.map(node) } == EINVAL)
      }
      #expect(refusal { try setting.map(1) } == ENOSYS)
      for node: UInt64 in [0, 1000, .max] {
        #expect(refusal { try setting.map(node) } == ESTALE)
      }
    }
  }

  @Test func readOnlySharesAreMappedForReading() throws {
    try onServingThread {
      let setting = try Setting()
      let known = try setting.client.walk("fixed/known")
      #expect(refusal { try setting.map(known, flags: Self.read | Self.write) } == EROFS)
      try setting.map(known)
      #expect(setting.look(0, 5) == .success("fixed"))
      #expect(!setting.canWrite(0))
      // Sealing takes back what was given.
      setting.fixture.write("rootfs/file", "text")
      let node = try setting.client.lookup(setting.root, "file").nodeid
      try setting.map(node, at: Self.unit, length: 2 * Self.unit, flags: Self.write)
      let single = try setting.client.walk("file")
      try setting.map(single, at: 3 * Self.unit, flags: Self.write)
      #expect(setting.canWrite(Self.unit) && setting.canWrite(3 * Self.unit))
      setting.fixture.server.makeReadOnly(share: "rootfs")
      #expect(!setting.canWrite(Self.unit))
      #expect(setting.look(Self.unit, 4) == .success("xext"))
      #expect(setting.canWrite(3 * Self.unit))
      #expect(refusal { try setting.map(node, flags: Self.write) } == EROFS)
      try setting.map(node, flags: Self.read)
    }
  }

  @Test func theEndOfASessionEmptiesIt() throws {
    try onServingThread {
      let setting = try Setting()
      setting.fixture.write("rootfs/file", "text")
      let server = setting.fixture.server
      for end in 0..<3 {
        let client = try Client(server)
        let node = try client.walk("rootfs/file")
        try setting.map(node, at: Self.unit)
        #expect(setting.look(Self.unit, 4) == .success("text"))
        switch end {
        case 0: _ = try Client(server)
        case 1: try client.send(FUSE_DESTROY, 1)
        default: server.clearWindow()
        }
        #expect(setting.look(Self.unit, 1) == .failure(.init(errno: EFAULT)))
      }
    }
  }

  @Test func whichFilesAreMappedIsTold() throws {
    try onServingThread {
      let setting = try Setting()
      let dax = UInt32(FUSE_ATTR_DAX)
      for (name, content, mode, flags): (String, String, UInt32, UInt32) in [
        ("file", "text", 0o644, dax), ("short", "t", 0o644, 0), ("suid", "text", 0o4755, 0),
        ("sgid", "text", 0o2755, 0),
      ] {
        setting.fixture.write("rootfs/" + name, content)
        #expect(chmod(setting.fixture.path + "/rootfs/" + name, mode) == 0)
        let entry = try setting.client.lookup(setting.root, name)
        #expect(entry.attr.flags == flags, "\(name)")
        #expect(try setting.client.attributes(entry.nodeid).flags == flags, "\(name)")
      }
      #expect(try setting.client.attributes(setting.root).flags == 0)
    }
  }

  @Test func isNotThereUnlessAgreedOn() throws {
    try onServingThread {
      let alignment = UInt64(FUSE_MAP_ALIGNMENT)
      // A guest that has no use for it; one that decides by itself which files it maps.
      for flags in [~alignment & .max >> 1, ~UInt64(FUSE_HAS_INODE_DAX) & .max >> 1] {
        let setting = try Setting(flags: flags)
        setting.fixture.write("rootfs/file", "text")
        let node = try setting.client.lookup(setting.root, "file").nodeid
        let isAgreed = flags & alignment != 0
        #expect(setting.fixture.server.usesWindow == isAgreed)
        #expect(refusal { try setting.map(node) } == (isAgreed ? 0 : ENOSYS))
        if isAgreed { #expect(try setting.client.attributes(node).flags == 0) }
      }
      // A server without a window.
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      #expect(!fixture.server.usesWindow)
      fixture.write("rootfs/file", String(repeating: "text", count: 1 << 16))
      let node = try client.walk("rootfs/file")
      #expect(try client.attributes(node).flags == 0)
      for opcode in [FUSE_SETUPMAPPING, FUSE_REMOVEMAPPING] {
        #expect(
          refusal { try client.send(opcode, node, [UInt8](repeating: 0, count: 40)) } == ENOSYS)
      }
    }
  }

  /// Requests whose parts lie in the window: data goes by system calls, all else is refused.
  @Test func buffersInTheWindow() throws {
    try onServingThread {
      let setting = try Setting()
      setting.fixture.write("rootfs/file", "text")
      setting.fixture.write("rootfs/other", "data")
      let server = setting.fixture.server
      let node = try setting.client.lookup(setting.root, "file").nodeid
      let other = try setting.client.lookup(setting.root, "other").nodeid
      let handle = try setting.client.open(other, O_RDWR).fh
      try setting.map(node, flags: Self.write)
      func send(
        _ parts: [UnsafeMutableRawBufferPointer], _ reply: [UnsafeMutableRawBufferPointer]
      ) -> Int {
        parts.withUnsafeBufferPointer { parts in
          reply.withUnsafeBufferPointer { server.handle(request: parts, reply: $0) }
        }
      }
      func inWindow(_ offset: UInt64, _ count: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: setting.window.base + Int(offset), count: count)
      }
      var header = fuse_in_header()
      header.len = 40 + 40
      header.opcode = FUSE_READ.rawValue
      header.nodeid = other
      var arguments = fuse_read_in()
      arguments.fh = handle
      arguments.size = 4
      var request = bytes(header) + bytes(arguments)
      var answer = [UInt8](repeating: 0, count: 16)
      var error: CInt { value(fuse_out_header.self, in: answer).error }
      request.withUnsafeMutableBytes { request in
        answer.withUnsafeMutableBytes { answer in
          // The data alone: into a mapped file, and where nothing is.
          #expect(send([request], [answer, inWindow(0, 4)]) == 20)
          #expect(setting.fixture.read("rootfs/file") == "data")
          #expect(send([request], [answer, inWindow(Self.unit, 4)]) == 16)
        }
      }
      #expect(error == -EFAULT)
      request.withUnsafeMutableBytes { request in
        answer.withUnsafeMutableBytes { answer in
          // The answer's header; the request, all of it and in part; mapped or not.
          for place in [0, Self.unit] {
            #expect(send([request], [inWindow(place, 16), answer]) == 0)
            #expect(send([inWindow(place, 80)], [answer]) == 0)
            let start = UnsafeMutableRawBufferPointer(rebasing: request[..<40])
            #expect(send([start, inWindow(place, 40)], [answer]) == 16)
          }
        }
      }
      #expect(error == -EINVAL)
      // A WRITE whose data is a mapped file.
      setting.fixture.write("rootfs/file", "text")
      header.opcode = FUSE_WRITE.rawValue
      header.len = 40 + 40 + 4
      var writing = fuse_write_in()
      writing.fh = handle
      writing.size = 4
      request = bytes(header) + bytes(writing)
      var long = [UInt8](repeating: 0, count: 24)
      request.withUnsafeMutableBytes { request in
        long.withUnsafeMutableBytes { answer in
          #expect(send([request, inWindow(0, 4)], [answer]) == 24)
          #expect(send([request, inWindow(2 * Self.unit, 4)], [answer]) == 16)
        }
      }
      #expect(value(fuse_out_header.self, in: long).error == -EFAULT)
      #expect(setting.fixture.read("rootfs/other") == "text")
    }
  }

  @Test func sizesOfAWindow() throws {
    for size in [0, -1, 1, 4096, FileWindow.granule + 4096, FileWindow.largestSize * 2, .max] {
      #expect(throws: (any Error).self) { try FileWindow(size: size) }
    }
    let largest = try FileWindow(size: FileWindow.largestSize)
    #expect(UInt(bitPattern: largest.base) % UInt(FileWindow.granule) == 0)
  }
}
