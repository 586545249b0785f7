import CLinux
import Testing

@testable import FileServer

/// Requests that no kernel sends.
@Suite struct HostileTests {
  private static func request(
    _ opcode: UInt32, length: UInt32? = nil, node: UInt64 = 2, _ body: [UInt8] = []
  ) -> [UInt8] {
    var header = fuse_in_header()
    header.len = length ?? UInt32(40 + body.count)
    header.opcode = opcode
    header.unique = 99
    header.nodeid = node
    return bytes(header) + body
  }

  private static func error(_ reply: [UInt8]) -> CInt? {
    reply.count >= 16 ? -value(fuse_out_header.self, in: reply).error : nil
  }

  @Test func lengths() throws {
    try onServingThread {
      let fixture = try Fixture()
      let server = fixture.server
      _ = try Client(server)
      let get = FUSE_GETATTR.rawValue
      // Without a header there is nobody to answer.
      #expect(server.exchange([], room: [64]).isEmpty)
      #expect(server.exchange([[1, 2, 3]], room: [64]).isEmpty)
      #expect(server.exchange([Self.request(get).dropLast(1) + []], room: [64]).isEmpty)
      for length: UInt32 in [0, 1, 39, 41, 4096, .max] {
        let reply = server.exchange([Self.request(get, length: length)], room: [200])
        #expect(Self.error(reply) == EINVAL, "\(length)")
      }
      // Room for no header, for a part of it, for the header alone.
      #expect(server.exchange([Self.request(get)], room: []).isEmpty)
      #expect(server.exchange([Self.request(get)], room: [15]).isEmpty)
      #expect(Self.error(server.exchange([Self.request(get)], room: [16])) == EIO)
      // A header in pieces, a reply in pieces.
      let whole = Self.request(get, bytes(fuse_getattr_in()))
      let cut = server.exchange(
        whole.map { [$0] }, room: [Int](repeating: 1, count: 200))
      #expect(cut.count == 16 + MemoryLayout<fuse_attr_out>.size)
      #expect(Self.error(cut) == 0)
    }
  }

  @Test func everyOpcodeWithoutArguments() throws {
    try onServingThread {
      let fixture = try Fixture()
      _ = try Client(fixture.server)
      for opcode: UInt32 in Array(0...70) + [4096, 1_048_576, 436_207_616, .max] {
        for node: UInt64 in [0, 1, 2, 3, 4, 5, .max, 1 << 32 | 2] {
          for room in [0, 8, 16, 17, 100, 8192] {
            let request = Self.request(opcode, node: node)
            let reply = fixture.server.exchange([request], room: [room])
            #expect(reply.isEmpty || reply.count >= 16)
          }
        }
        // DESTROY ended the session.
        _ = try Client(fixture.server)
      }
    }
  }

  @Test func numbersThatWereNeverGiven() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let file = try client.create(root, "file")
      for node: UInt64 in [0, 100, .max, file.entry.nodeid | 1 << 32, 1 << 63] {
        #expect(refusal { _ = try client.attributes(node) } == ESTALE, "\(node)")
        #expect(refusal { _ = try client.open(node, O_RDONLY) } == ESTALE)
        #expect(refusal { try client.rename(root, "file", node, "x") } == ESTALE)
        #expect(refusal { _ = try client.link(node, root, "x") } == ESTALE)
        try client.forget(node, .max)
      }
      for handle: UInt64 in [0, 100, .max, file.open.fh | 1 << 32] {
        #expect(refusal { _ = try client.read(handle, at: 0, 1) } == EBADF)
        #expect(refusal { try client.write(handle, at: 0, [1]) } == EBADF)
        #expect(refusal { try client.release(handle) } == EBADF)
        #expect(refusal { _ = try client.readDirectory(handle, at: 0) } == EBADF)
      }
      // A file's handle is none of a directory, and the other way round.
      #expect(refusal { _ = try client.readDirectory(file.open.fh, at: 0) } == EBADF)
      let directory = try client.openDirectory(root)
      #expect(refusal { _ = try client.read(directory, at: 0, 1) } == EBADF)
      #expect(refusal { try client.write(directory, at: 0, [1]) } == EBADF)
    }
  }

  @Test func forgettingMoreThanWasTold() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let file = try client.create(root, "file")
      try client.forget(file.entry.nodeid, 1 << 40)
      #expect(refusal { _ = try client.attributes(file.entry.nodeid) } == ESTALE)
      try client.forget(file.entry.nodeid, 1)
      // The open file is not gone, and a new look gives a new number.
      #expect(try client.write(file.open.fh, at: 0, [1]) == 1)
      let again = try client.lookup(root, "file").nodeid
      #expect(again != file.entry.nodeid)
      #expect(try client.lookup(root, "file").nodeid == again)
      try client.forget(again, 1)
      _ = try client.attributes(again)
      try client.forget(again, 1)
      #expect(refusal { _ = try client.attributes(again) } == ESTALE)
      // The root of a share stays, whatever the guest says.
      try client.forget(root, .max)
      _ = try client.attributes(root)
      // A count that the request does not have.
      let one = bytes(fuse_forget_one(nodeid: root, nlookup: 1))
      try client.send(
        FUSE_BATCH_FORGET, 0, bytes(fuse_batch_forget_in(count: .max, dummy: 0)) + one)
    }
  }

  @Test func offsetsAndSizes() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let file = try client.create(root, "file")
      let handle = file.open.fh
      for offset: UInt64 in [.max, 1 << 63, UInt64(Int64.max)] {
        #expect(refusal { try client.write(handle, at: offset, [1, 2]) } != 0)
        #expect(offset < 1 << 63 || refusal { _ = try client.read(handle, at: offset, 2) } != 0)
      }
      // More data announced than there is.
      var write = fuse_write_in()
      write.fh = handle
      write.size = .max
      #expect(refusal { try client.send(FUSE_WRITE, 2, bytes(write) + [1, 2, 3]) } == EINVAL)
      #expect(refusal { try client.send(FUSE_WRITE, 2, []) } == EINVAL)
      // More asked for than there is room.
      try client.write(handle, at: 0, [UInt8](repeating: 7, count: 5000))
      var read = fuse_read_in()
      read.fh = handle
      read.size = .max
      #expect(try client.send(FUSE_READ, 2, bytes(read), room: 100).count == 100)
      #expect(try client.send(FUSE_READ, 2, bytes(read), room: 0).count == 0)
      var change = fuse_setattr_in()
      change.valid = UInt32(FATTR_SIZE)
      change.size = .max
      #expect(refusal { try client.change(file.entry.nodeid, change) } == EFBIG)
      var range = fuse_copy_file_range_in()
      range.fh_in = handle
      range.fh_out = handle
      range.off_in = .max
      range.len = .max
      #expect(refusal { try client.send(FUSE_COPY_FILE_RANGE, 2, bytes(range)) } == EINVAL)
      var area = fuse_fallocate_in()
      area.fh = handle
      area.offset = .max
      area.length = .max
      #expect(refusal { try client.send(FUSE_FALLOCATE, 2, bytes(area)) } == EFBIG)
      for whence: UInt32 in [0, 1, 2, 5, .max] {
        let seek = fuse_lseek_in(fh: handle, offset: 0, whence: whence, padding: 0)
        #expect(refusal { try client.send(FUSE_LSEEK, 2, bytes(seek)) } == EINVAL)
      }
      #expect(refusal { try client.setAttribute(root, "user.x", []) } == 0)
      var attribute = fuse_setxattr_in()
      attribute.size = 100
      #expect(
        refusal { try client.send(FUSE_SETXATTR, root, bytes(attribute) + text("user.x")) }
          == EINVAL)
    }
  }

  @Test func quotas() throws {
    try onServingThread {
      var settings = Settings()
      settings.limits = Limits(inodes: 20, handles: 10)
      let fixture = try Fixture(settings: settings)
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      for index in 0..<40 { fixture.write("rootfs/\(index)", "x") }
      var nodes: [UInt64] = []
      let refused = refusal {
        for index in 0..<40 { nodes.append(try client.lookup(root, "\(index)").nodeid) }
      }
      #expect(refused == ENFILE)
      #expect(nodes.count == 17)
      // Nothing is made that it can't be told of.
      #expect(refusal { _ = try client.create(root, "late") } == ENFILE)
      #expect(refusal { _ = try client.makeDirectory(root, "late") } == ENFILE)
      #expect(refusal { _ = try client.makeSymbolicLink(root, "late", to: "x") } == ENFILE)
      #expect(
        refusal { _ = try client.makeNode(root, "late", mode: UInt32(S_IFIFO)) } == ENFILE)
      #expect(fixture.status("rootfs/late") == nil)
      // What it knows works on, listing too, and so does all again after it forgets.
      #expect(try client.list(root, plus: true).count == 42)
      var handles: [UInt64] = []
      #expect(
        refusal { for _ in 0..<40 { handles.append(try client.open(nodes[0], O_RDONLY).fh) } }
          == ENFILE)
      #expect(handles.count == 10)
      try client.forget(nodes.removeLast(), 1)
      #expect(refusal { _ = try client.create(root, "late") } == ENFILE)
      #expect(fixture.status("rootfs/late") == nil)
      for handle in handles { try client.release(handle) }
      for node in nodes { try client.forget(node, 1) }
      _ = try client.lookup(root, "39")
      #expect(try client.create(root, "new").open.fh != 0)
    }
  }

  /// What the process needs for itself stays beyond the guest's reach.
  @Test func quotasFitTheProcess() {
    let limits = Limits(inodes: 400_000, handles: 100_000)
    let same = limits.fitting(descriptors: 1 << 20)
    #expect(same.inodes == 400_000 && same.handles == 100_000)
    for descriptors in [0, 1024, 4096, 65_536, 500_000] {
      let fitted = limits.fitting(descriptors: descriptors)
      let usable = max(128, descriptors - Limits.reserve)
      #expect(fitted.inodes + fitted.handles == usable)
      #expect(fitted.inodes > 0 && fitted.handles >= 32)
    }
  }

  @Test func descriptorsAreClosed() throws {
    try onServingThread {
      let path: String
      do {
        let fixture = try Fixture()
        path = fixture.path
        let client = try Client(fixture.server)
        let root = try client.walk("rootfs")
        for index in 0..<50 {
          let made = try client.create(root, "f\(index)")
          if index % 2 == 0 { try client.release(made.open.fh) }
          _ = try client.makeDirectory(root, "d\(index)")
          _ = refusal { _ = try client.create(root, "d\(index)") }
          if index % 3 == 0 { _ = try client.openDirectory(root) }
        }
        _ = try client.list(root, plus: true)
        // A session that starts anew has nothing of the one before.
        _ = try Client(fixture.server)
        // The shares' roots, theirs and its own.
        #expect(openDescriptors(below: path) == 6)
      }
      #expect(openDescriptors(below: path) == 0)
    }
  }
}

/// How many descriptors this process has open of what is or was below a directory.
private func openDescriptors(below directory: String) -> Int {
  var count = 0
  for fd in 0..<CInt(4096) {
    var target = [CChar](repeating: 0, count: 4096)
    let length = cl_readlinkat(AT_FDCWD, "/proc/self/fd/\(fd)", &target, 4095)
    guard length > 0 else { continue }
    let path = String(decoding: target[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if path.hasPrefix(directory + "/") { count += 1 }
  }
  return count
}
