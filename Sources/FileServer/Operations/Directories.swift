internal import CLinux

extension FileServer {
  func openDirectory(_ exchange: Exchange) throws(Failure) -> Int {
    try exchange.needRoom(MemoryLayout<fuse_open_out>.size)
    let inode = try inodes.enter(exchange.header.nodeid)
    let directory = try inode.directory()
    var handle = Handle()
    handle.fd = try reopen(inode.fd, O_RDONLY | O_DIRECTORY)
    handle.share = directory.share
    handle.directory = directory
    var out = fuse_open_out()
    out.fh = try handles.add(handle)
    if settings.cache == .always {
      out.open_flags = UInt32(FOPEN_CACHE_DIR) | UInt32(FOPEN_KEEP_CACHE)
    }
    return try exchange.finish(out)
  }

  func readDirectory(
    _ exchange: Exchange, withAttributes: Bool
  ) throws(Failure) -> Int {
    let arguments = try exchange.argument(fuse_read_in.self)
    let handle = try handles.enterDirectory(arguments.fh)
    let directory = try handle.directory()
    let limit = min(Int(arguments.size), exchange.room, Self.directoryReplySize)
    var entries = unsafe EntryWriter(body: unsafe exchange.body, limit: limit)
    // A handle without memory has its records in the part of the body that no reply reaches.
    let spare = unsafe exchange.body + Self.directoryReplySize
    try handle.withStream { stream throws(Failure) in
      if unsafe stream.buffer == nil, let buffer = unsafe handles.buffers.take() {
        unsafe stream.buffer = unsafe buffer
      }
      let buffer = unsafe stream.buffer ?? spare
      try position(&stream, handle.fd, at: arguments.offset)
      var entry = unsafe cl_fs_no_entry()
      while true {
        if stream.cursor >= stream.filled {
          // What follows is read when the guest asks for it.
          if entries.used > limit / 2 { break }
          stream.cursor = 0
          stream.filled = 0
          do throws(Failure) {
            stream.filled = try call {
              unsafe cl_getdents64(handle.fd, buffer, BufferPool.size)
            }
          } catch {
            if entries.used > 0 { break }
            throw error
          }
          if stream.filled == 0 { break }
        }
        let length = unsafe cl_fs_entry_at(buffer, stream.filled, stream.cursor, &entry)
        guard length > 0 else { throw Failure(EIO) }
        let added =
          withAttributes
          ? try unsafe addWithAttributes(entry, directory, &entries)
          : unsafe entries.add(entry, salt: directory.salt)
        if !added {
          if entries.used == 0 { throw Failure(EINVAL) }
          break
        }
        stream.cursor += length
        stream.next = unsafe entry.cookie
      }
      if unsafe stream.buffer == nil, stream.cursor < stream.filled {
        stream.isPositioned = false
      }
    }
    return try exchange.finish(entries.used)
  }

  /// The longest reply to READDIR and READDIRPLUS; the rest of a reply's memory is for reading.
  private static var directoryReplySize: Int { (Exchange.replyCapacity - BufferPool.size) & ~7 }

  /// Makes the stream go on at the cookie that the guest names.
  private func position(
    _ stream: inout DirectoryStream, _ fd: CInt, at offset: UInt64
  ) throws(Failure) {
    // From the start is always from the directory as it is now.
    let isFresh = stream.next == 0 && stream.filled == 0
    if stream.isPositioned, offset == stream.next, offset != 0 || isFresh { return }
    stream.cursor = 0
    stream.filled = 0
    stream.next = offset
    try call { cl_fs_lseek(fd, Int(Int64(bitPattern: offset)), SEEK_SET) }
    stream.isPositioned = true
  }

  /// Adds an entry with the attributes of what it names; false when there is no room for it.
  private func addWithAttributes(
    _ entry: cl_fs_entry, _ directory: Directory, _ entries: inout EntryWriter
  ) throws(Failure) -> Bool {
    guard unsafe entries.hasRoom(entry, withAttributes: true) else { return false }
    guard unsafe !entry.isSelfOrParent, !isCrowded else {
      unsafe entries.add(entry, fuse_entry_out(), salt: directory.salt)
      return true
    }
    var hint = Inode()
    hint.number = unsafe entry.inode
    hint.device = directory.device
    hint.mount = directory.mount
    hint.share = directory.share
    do throws(Failure) {
      let found =
        inodes.mayKnow(hint)
        ? try unsafe find(entry.name, in: directory)
        : try unsafe findNew(entry.name, in: directory, inodes.place())
      unsafe entries.add(entry, self.entry(found), salt: directory.salt)
    } catch {
      // It may be gone by now; the guest asks for it by name when it wants to know.
      unsafe entries.add(entry, fuse_entry_out(), salt: directory.salt)
    }
    return true
  }

  /// Whether so many inodes are known that none should be told of unasked.
  private var isCrowded: Bool { inodes.slots.count > inodes.slots.capacity / 4 * 3 }
}

extension cl_fs_entry {
  /// Whether this is "." or "..", which are no names to look up.
  var isSelfOrParent: Bool {
    let dot = CChar(bitPattern: UInt8(ascii: "."))
    return unsafe name[0] == dot && (length == 1 || (length == 2 && name[1] == dot))
  }
}

/// Puts directory entries one behind the other as FUSE wants them.
@safe struct EntryWriter {
  private let body: UnsafeMutableRawPointer
  private let limit: Int
  private(set) var used = 0

  init(body: UnsafeMutableRawPointer, limit: Int) {
    unsafe self.body = unsafe body
    self.limit = limit
  }

  private static let headerSize = MemoryLayout<fuse_dirent>.size
  private static let attributesSize = MemoryLayout<fuse_entry_out>.size

  func hasRoom(_ entry: cl_fs_entry, withAttributes: Bool) -> Bool {
    let size = unsafe (Self.headerSize + Int(entry.length) + 7) & ~7
    return used + size + (withAttributes ? Self.attributesSize : 0) <= limit
  }

  /// Adds an entry without attributes; false when there is no room for it.
  mutating func add(_ entry: cl_fs_entry, salt: UInt16) -> Bool {
    guard unsafe hasRoom(entry, withAttributes: false) else { return false }
    unsafe put(entry, salt: salt)
    return true
  }

  /// Adds an entry for which there is room.
  mutating func add(_ entry: cl_fs_entry, _ attributes: fuse_entry_out, salt: UInt16) {
    unsafe (body + used).storeBytes(of: attributes, as: fuse_entry_out.self)
    used += Self.attributesSize
    unsafe put(entry, salt: salt)
  }

  private mutating func put(_ entry: cl_fs_entry, salt: UInt16) {
    let length = unsafe Int(entry.length)
    let start = unsafe body + used
    var record = fuse_dirent()
    unsafe record.ino = entry.inode ^ UInt64(salt) << 48
    unsafe record.off = entry.cookie
    unsafe record.namelen = entry.length
    unsafe record.type = entry.type
    unsafe start.storeBytes(of: record, as: fuse_dirent.self)
    unsafe memcpy(start + Self.headerSize, entry.name, length)
    let end = Self.headerSize + length
    let padded = (end + 7) & ~7
    unsafe memset(start + end, 0, padded - end)
    used += padded
  }
}
