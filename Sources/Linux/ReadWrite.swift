public import CLinux

extension FileDescriptor {
  /// Writes all bytes, however many calls that takes.
  public func writeAll(_ bytes: [UInt8], _ subject: String = "") throws(SystemError) {
    try FileDescriptor.writeAll(rawValue, bytes, subject)
  }

  /// As `writeAll`, for a descriptor that somebody else owns.
  public static func writeAll(
    _ fd: CInt, _ bytes: [UInt8], _ subject: String = ""
  ) throws(SystemError) {
    var offset = 0
    while offset < bytes.count {
      offset += try system("write", subject) {
        unsafe bytes.withUnsafeBytes {
          unsafe cl_write(fd, $0.baseAddress! + offset, $0.count - offset)
        }
      }
    }
  }

  /// One write call of the whole string: what kernel control files need.
  public func write(_ text: String, _ subject: String) throws(SystemError) {
    var text = text
    let count = try system("write", subject) {
      text.withUTF8 { unsafe cl_write(rawValue, $0.baseAddress, $0.count) }
    }
    if count != text.utf8.count { throw SystemError(EIO, "write", subject) }
  }

  /// Everything up to the end of the file; EFBIG beyond `limit` bytes.
  public func readAll(limit: Int, _ subject: String = "") throws(SystemError) -> [UInt8] {
    var bytes: [UInt8] = []
    var room = 4096
    var known = 0
    while true {
      let before = bytes.count
      try unsafe withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) {
        (buffer) throws(SystemError) in
        let count = try system("read", subject) {
          unsafe cl_read(rawValue, buffer.baseAddress!, buffer.count)
        }
        unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      }
      // There was room for one byte more: a regular file of known size is at its end here.
      if bytes.count == before || bytes.count == known { return bytes }
      if bytes.count > limit { throw SystemError(EFBIG, "read", subject) }
      room = max(4096, bytes.count)
      if before == 0 && bytes.count == 4096 {
        // Not one of the many small ones: the size, where it has one, spares further growing.
        var status = stat()
        known = unsafe cl_fstat(rawValue, &status) == 0 ? Int(status.st_size) : 0
        if known > limit { throw SystemError(EFBIG, "read", subject) }
        room = max(room, known - 4096 + 1)
      }
    }
  }

  /// The size, type, owner and device of the open file.
  public func status() throws(SystemError) -> stat {
    var result = stat()
    try system("fstat", "fd \(rawValue)") { unsafe cl_fstat(rawValue, &result) }
    return result
  }
}

/// Whole small files of the kernel and of swrun's own state, by trusted host path.
public enum File {
  /// The file's bytes; EFBIG beyond `limit`.
  public static func read(
    _ path: String, limit: Int = 1 << 20, at directory: DirectoryReference = .workingDirectory
  ) throws(SystemError) -> [UInt8] {
    try FileDescriptor.open(path, O_RDONLY, at: directory).readAll(limit: limit, path)
  }

  /// The file as text, bytes that are no UTF-8 replaced.
  public static func readText(
    _ path: String, limit: Int = 1 << 20, at directory: DirectoryReference = .workingDirectory
  ) throws(SystemError) -> String {
    String(decoding: try read(path, limit: limit, at: directory), as: UTF8.self)
  }

  /// Writes to a file that exists, by one write call.
  public static func write(
    _ path: String, _ text: String, at directory: DirectoryReference = .workingDirectory
  ) throws(SystemError) {
    try FileDescriptor.open(path, O_WRONLY, at: directory).write(text, path)
  }

  /// Replaces the file as one step: readers see the old bytes or the new ones, never a part.
  public static func replace(
    _ name: String, with bytes: [UInt8], mode: mode_t = 0o600, in directory: DirectoryReference
  ) throws(SystemError) {
    let temporary = ".\(name).new"
    do {
      try FileDescriptor.open(
        temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode, at: directory
      ).writeAll(bytes, name)
      try system("rename", name) {
        unsafe cl_renameat(directory.rawValue, temporary, directory.rawValue, name)
      }
    } catch {
      _ = unsafe cl_unlinkat(directory.rawValue, temporary, 0)
      throw error
    }
  }

  /// Whether something is there, a dangling symlink included.
  public static func exists(
    _ path: String, at directory: DirectoryReference = .workingDirectory
  ) -> Bool {
    var result = stat()
    return unsafe cl_fstatat(directory.rawValue, path, &result, AT_SYMLINK_NOFOLLOW) == 0
  }

  /// `mkdir -p` on a trusted host path.
  public static func makeDirectories(_ path: String, mode: mode_t = 0o755) throws(SystemError) {
    let result = unsafe cl_mkdirat(AT_FDCWD, path, mode)
    if result == 0 || result == -EEXIST { return }
    guard result == -ENOENT, let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")),
      slash != path.startIndex
    else { throw SystemError(-result, "mkdir", path) }
    try makeDirectories(String(path[..<slash]), mode: mode)
    let again = unsafe cl_mkdirat(AT_FDCWD, path, mode)
    if again != 0 && again != -EEXIST { throw SystemError(-again, "mkdir", path) }
  }

  /// What a symlink holds.
  public static func readLink(
    _ path: String, at directory: DirectoryReference = .workingDirectory
  ) throws(SystemError) -> String {
    try unsafe withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) {
      (buffer) throws(SystemError) in
      let count = try system("readlink", path) {
        unsafe cl_readlinkat(directory.rawValue, path, buffer.baseAddress!, buffer.count)
      }
      return unsafe String(decoding: buffer[..<count], as: UTF8.self)
    }
  }
}
