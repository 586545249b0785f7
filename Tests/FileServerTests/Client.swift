import CLinux
import Testing

@testable import FileServer

/// A guest's kernel as far as a test needs one: it builds requests and takes replies apart.
final class Client {
  let server: FileServer
  var uid: UInt32 = 0
  var gid: UInt32 = 0
  private var unique: UInt64 = 0

  init(_ server: FileServer, flags: UInt64 = .max >> 1, minor: UInt32 = 38) throws {
    self.server = server
    let offered = flags | UInt64(FUSE_INIT_EXT)
    var body = bytes(UInt32(7)) + bytes(minor) + bytes(UInt32(0))
    body += bytes(UInt32(truncatingIfNeeded: offered))
    body += bytes(UInt32(offered >> 32)) + [UInt8](repeating: 0, count: 44)
    try send(FUSE_INIT, 0, body)
  }

  /// One more thread of the guest whose kernel has begun the session.
  init(joining server: FileServer) { self.server = server }

  /// What the server refused with.
  struct Refusal: Error, Equatable { let errno: CInt }

  /// The reply's body; throws what the server refused with.
  @discardableResult
  func send(
    _ opcode: fuse_opcode, _ node: UInt64, _ body: [UInt8] = [], room: Int = 8192,
    extensions: UInt16 = 0
  ) throws -> [UInt8] {
    unique += 1
    var header = fuse_in_header()
    header.len = UInt32(40 + body.count)
    header.opcode = opcode.rawValue
    header.unique = unique
    header.nodeid = node
    header.uid = uid
    header.gid = gid
    header.total_extlen = extensions
    let reply = server.exchange([bytes(header), body], room: [16, room])
    guard !reply.isEmpty else { return [] }
    let out = value(fuse_out_header.self, in: reply)
    #expect(out.unique == unique)
    #expect(Int(out.len) == reply.count)
    if out.error != 0 {
      #expect(reply.count == 16)
      throw Refusal(errno: -out.error)
    }
    return Array(reply[16...])
  }

  // MARK: Operations

  func lookup(_ parent: UInt64, _ name: String) throws -> fuse_entry_out {
    let entry = value(fuse_entry_out.self, in: try send(FUSE_LOOKUP, parent, text(name)))
    // A number of 0 is a negative answer that may be remembered.
    if entry.nodeid == 0 { throw Refusal(errno: ENOENT) }
    return entry
  }

  /// The number of a path below the root of the mount.
  func walk(_ path: String) throws -> UInt64 {
    var node = UInt64(FUSE_ROOT_ID)
    for part in path.split(separator: "/") { node = try lookup(node, String(part)).nodeid }
    return node
  }

  func attributes(_ node: UInt64) throws -> fuse_attr {
    value(fuse_attr_out.self, in: try send(FUSE_GETATTR, node, bytes(fuse_getattr_in()))).attr
  }

  func open(_ node: UInt64, _ flags: CInt, openFlags: CInt = 0) throws -> fuse_open_out {
    let body = bytes(fuse_open_in(flags: UInt32(bitPattern: flags), open_flags: UInt32(openFlags)))
    return value(fuse_open_out.self, in: try send(FUSE_OPEN, node, body))
  }

  func create(
    _ parent: UInt64, _ name: String, _ flags: CInt = O_RDWR, mode: UInt32 = 0o644,
    umask: UInt32 = 0o022, opcode: fuse_opcode = FUSE_CREATE
  ) throws -> (entry: fuse_entry_out, open: fuse_open_out) {
    var arguments = fuse_create_in()
    arguments.flags = UInt32(bitPattern: flags | O_CREAT)
    arguments.mode = UInt32(S_IFREG) | mode
    arguments.umask = umask
    let reply = try send(opcode, parent, bytes(arguments) + text(name))
    return (
      value(fuse_entry_out.self, in: reply), value(fuse_open_out.self, in: Array(reply[128...]))
    )
  }

  func makeDirectory(
    _ parent: UInt64, _ name: String, mode: UInt32 = 0o755, umask: UInt32 = 0o022
  ) throws -> fuse_entry_out {
    let body = bytes(fuse_mkdir_in(mode: mode, umask: umask)) + text(name)
    return value(fuse_entry_out.self, in: try send(FUSE_MKDIR, parent, body))
  }

  func makeNode(
    _ parent: UInt64, _ name: String, mode: UInt32, device: UInt32 = 0, umask: UInt32 = 0
  ) throws -> fuse_entry_out {
    let arguments = fuse_mknod_in(mode: mode, rdev: device, umask: umask, padding: 0)
    return value(
      fuse_entry_out.self, in: try send(FUSE_MKNOD, parent, bytes(arguments) + text(name)))
  }

  func makeSymbolicLink(_ parent: UInt64, _ name: String, to target: String) throws
    -> fuse_entry_out
  {
    value(fuse_entry_out.self, in: try send(FUSE_SYMLINK, parent, text(name) + text(target)))
  }

  func link(_ node: UInt64, _ parent: UInt64, _ name: String) throws -> fuse_entry_out {
    value(
      fuse_entry_out.self,
      in: try send(FUSE_LINK, parent, bytes(fuse_link_in(oldnodeid: node)) + text(name)))
  }

  func rename(
    _ parent: UInt64, _ name: String, _ other: UInt64, _ newName: String, flags: UInt32 = 0
  ) throws {
    let arguments = fuse_rename2_in(newdir: other, flags: flags, padding: 0)
    try send(FUSE_RENAME2, parent, bytes(arguments) + text(name) + text(newName))
  }

  func read(_ handle: UInt64, at offset: UInt64, _ size: UInt32) throws -> [UInt8] {
    var arguments = fuse_read_in()
    arguments.fh = handle
    arguments.offset = offset
    arguments.size = size
    return try send(FUSE_READ, 2, bytes(arguments), room: Int(size))
  }

  @discardableResult
  func write(
    _ handle: UInt64, at offset: UInt64, _ data: [UInt8], writeFlags: CInt = 0, flags: CInt = 0
  ) throws -> UInt32 {
    var arguments = fuse_write_in()
    arguments.fh = handle
    arguments.offset = offset
    arguments.size = UInt32(data.count)
    arguments.write_flags = UInt32(writeFlags)
    arguments.flags = UInt32(bitPattern: flags)
    return value(
      fuse_write_out.self, in: try send(FUSE_WRITE, 2, bytes(arguments) + data)
    ).size
  }

  @discardableResult
  func change(_ node: UInt64, _ change: fuse_setattr_in) throws -> fuse_attr {
    value(fuse_attr_out.self, in: try send(FUSE_SETATTR, node, bytes(change))).attr
  }

  func release(_ handle: UInt64) throws {
    var arguments = fuse_release_in()
    arguments.fh = handle
    try send(FUSE_RELEASE, 2, bytes(arguments))
  }

  func forget(_ node: UInt64, _ count: UInt64) throws {
    try send(FUSE_FORGET, node, bytes(fuse_forget_in(nlookup: count)))
  }

  func setAttribute(_ node: UInt64, _ name: String, _ data: [UInt8], flags: UInt32 = 0) throws {
    var arguments = fuse_setxattr_in()
    arguments.size = UInt32(data.count)
    arguments.flags = flags
    try send(FUSE_SETXATTR, node, bytes(arguments) + text(name) + data)
  }

  func attribute(_ node: UInt64, _ name: String, size: UInt32 = 4096) throws -> [UInt8] {
    try send(
      FUSE_GETXATTR, node, bytes(fuse_getxattr_in(size: size, padding: 0)) + text(name))
  }

  struct Entry: Equatable {
    let name: String
    let cookie: UInt64
    let inode: UInt64
    let node: UInt64
  }

  func openDirectory(_ node: UInt64) throws -> UInt64 {
    value(fuse_open_out.self, in: try send(FUSE_OPENDIR, node, bytes(fuse_open_in()))).fh
  }

  /// One answer to READDIR or READDIRPLUS.
  func readDirectory(
    _ handle: UInt64, node: UInt64 = 2, at offset: UInt64, size: UInt32 = 4096, plus: Bool = false
  ) throws -> [Entry] {
    var arguments = fuse_read_in()
    arguments.fh = handle
    arguments.offset = offset
    arguments.size = size
    var reply = try send(
      plus ? FUSE_READDIRPLUS : FUSE_READDIR, node, bytes(arguments), room: Int(size))[...]
    var entries: [Entry] = []
    while !reply.isEmpty {
      var node: UInt64 = 0
      if plus {
        node = value(fuse_entry_out.self, in: Array(reply)).nodeid
        reply = reply.dropFirst(128)
      }
      // struct fuse_dirent, which Swift imports without its name.
      let inode = value(UInt64.self, in: Array(reply))
      let cookie = value(UInt64.self, in: Array(reply.dropFirst(8)))
      let length = Int(value(UInt32.self, in: Array(reply.dropFirst(16))))
      let name = String(decoding: reply.dropFirst(24).prefix(length), as: UTF8.self)
      entries.append(Entry(name: name, cookie: cookie, inode: inode, node: node))
      reply = reply.dropFirst((24 + length + 7) & ~7)
    }
    return entries
  }

  /// All entries of a directory, by as many requests as it takes.
  func list(_ node: UInt64, size: UInt32 = 4096, plus: Bool = false) throws -> [Entry] {
    let handle = try openDirectory(node)
    var all: [Entry] = []
    while true {
      let part = try readDirectory(
        handle, node: node, at: all.last?.cookie ?? 0, size: size, plus: plus)
      if part.isEmpty { break }
      all += part
    }
    var arguments = fuse_release_in()
    arguments.fh = handle
    try send(FUSE_RELEASEDIR, node, bytes(arguments))
    return all
  }
}

extension FileServer {
  /// Handles one request whose bytes and whose reply's room are cut into segments; the reply.
  func exchange(_ request: [[UInt8]], room: [Int]) -> [UInt8] {
    let input = request.map { part in
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: part.count, alignment: 1)
      memory.copyBytes(from: part)
      return memory
    }
    let output = room.map {
      UnsafeMutableRawBufferPointer.allocate(byteCount: $0, alignment: 1)
    }
    let count = input.withUnsafeBufferPointer { input in
      output.withUnsafeBufferPointer { handle(request: input, reply: $0) }
    }
    var reply: [UInt8] = []
    for part in output { reply += part }
    for part in input + output { part.deallocate() }
    precondition(count <= reply.count)
    return Array(reply[..<count])
  }
}

func bytes<Value: BitwiseCopyable>(_ value: Value) -> [UInt8] {
  withUnsafeBytes(of: value) { Array($0) }
}

func value<Value: BitwiseCopyable>(_ type: Value.Type, in bytes: [UInt8]) -> Value {
  bytes.withUnsafeBytes {
    precondition($0.count >= MemoryLayout<Value>.size, "a reply of \($0.count) bytes")
    return $0.loadUnaligned(as: Value.self)
  }
}

func text(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }
