internal import CLinux
internal import Linux

/// Compiled filters in a directory that is this user's alone, one file a filter.
///
/// A filter that somebody else could write would be no filter: what is not certainly this user's own
/// whole file is compiled again.
struct FilterCache {
  /// The number of files that are kept; the oldest go first.
  static let capacity = 64
  private static let magic = Array("SWSECCF1".utf8)
  /// The magic, the key, the number of bytes of instructions and their checksum.
  private static let headerLength = 8 + 32 + 8 + 8
  private static let maximumLength = headerLength + Int(BPF_MAXINSNS) * 8

  let directory: String

  /// The instructions of the key; nil when there are none that can be trusted.
  func program(for key: [UInt8]) -> [sock_filter]? {
    // O_NONBLOCK: a fifo of that name must not hold up the start.
    guard
      let file = try? FileDescriptor.open(
        "\(directory)/\(String(hexadecimal: key))", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY),
      let status = try? file.status(), isOwn(status),
      status.st_mode & mode_t(S_IFMT) == mode_t(S_IFREG),
      status.st_nlink == 1, status.st_size > Self.headerLength,
      status.st_size <= Self.maximumLength
    else { return nil }
    let expected = Int(status.st_size)
    // One byte more than expected shows a file that grows.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: expected + 1) { buffer, count in
      count = max(0, unsafe cl_read(file.rawValue, buffer.baseAddress!, expected + 1))
    }
    guard bytes.count == expected else { return nil }
    let instructions = bytes[Self.headerLength...]
    guard bytes[..<Self.headerLength].elementsEqual(header(key, instructions)),
      instructions.count % MemoryLayout<sock_filter>.stride == 0
    else { return nil }
    return [sock_filter](bytes: instructions)
  }

  /// Keeps the instructions; readers see a whole file or none.
  func store(_ program: [sock_filter], for key: [UInt8]) throws(SystemError) {
    try File.makeDirectories(directory, mode: 0o700)
    let handle = try FileDescriptor.open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    guard isOwn(try handle.status()) else {
      throw SystemError(EPERM, "open", "\(directory) (it has to be this user's, with mode 0700)")
    }
    let instructions = unsafe program.withUnsafeBytes { unsafe [UInt8]($0) }
    let bytes = header(key, instructions[...]) + instructions
    let name = String(hexadecimal: key)
    // Two runtimes that store the same filter have two pids, and the second rename wins.
    let temporary = ".\(name).\(getpid())"
    _ = unsafe cl_unlinkat(handle.rawValue, temporary, 0)
    do throws(SystemError) {
      try FileDescriptor.open(
        temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600,
        at: DirectoryReference(handle)
      ).writeAll(bytes, name)
      try system("rename", name) {
        unsafe cl_renameat(handle.rawValue, temporary, handle.rawValue, name)
      }
    } catch {
      _ = unsafe cl_unlinkat(handle.rawValue, temporary, 0)
      throw error
    }
    try evict(from: handle)
  }

  /// Removes the oldest files beyond the capacity, those that a crash left behind included.
  private func evict(from handle: borrowing FileDescriptor) throws(SystemError) {
    let fd = handle.rawValue
    var files: [(seconds: Int, nanoseconds: Int, name: String)] = []
    var buffer = [UInt8](repeating: 0, count: 32768)
    while true {
      let length = try system("getdents64", directory) {
        unsafe buffer.withUnsafeMutableBytes {
          unsafe cl_getdents64(fd, $0.baseAddress!, $0.count)
        }
      }
      if length == 0 { break }
      for name in names(in: buffer[..<Int(length)]) {
        var status = stat()
        guard unsafe cl_fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
          status.st_mode & mode_t(S_IFMT) != mode_t(S_IFDIR)
        else { continue }
        files.append((Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec), name))
      }
    }
    if files.count <= Self.capacity { return }
    files.sort { ($0.seconds, $0.nanoseconds) < ($1.seconds, $1.nanoseconds) }
    for file in files.dropLast(Self.capacity) { _ = unsafe cl_unlinkat(fd, file.name, 0) }
  }

  /// The names in the records of getdents64(2).
  private func names(in records: ArraySlice<UInt8>) -> [String] {
    var names: [String] = []
    var offset = 0
    // d_ino, d_off, d_reclen at 16, d_type at 18, d_name at 19.
    while offset + 19 < records.count {
      let length = Int(records[offset + 16]) | Int(records[offset + 17]) << 8
      guard length > 19, offset + length <= records.count else { break }
      let name = records[(offset + 19)..<(offset + length)].prefix { $0 != 0 }
      names.append(String(decoding: name, as: UTF8.self))
      offset += length
    }
    return names
  }

  private func isOwn(_ status: stat) -> Bool {
    status.st_uid == geteuid() && status.st_mode & 0o077 == 0
  }

  private func header(_ key: [UInt8], _ instructions: ArraySlice<UInt8>) -> [UInt8] {
    var header = Self.magic
    header.reserveCapacity(Self.headerLength)
    header += key
    header.append(integer: UInt64(instructions.count))
    // FNV-1a: against a torn write, not against an attacker, whom the file's owner keeps out.
    var checksum: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in instructions { checksum = (checksum ^ UInt64(byte)) &* 0x100_0000_01b3 }
    header.append(integer: checksum)
    return header
  }
}
