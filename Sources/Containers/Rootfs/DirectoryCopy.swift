internal import CLinux
internal import Linux

/// Copies a directory of an untrusted tree into a new one, for `tmpcopyup`: by descriptor, no link
/// followed, devices and sockets left out.
enum DirectoryCopy {
  /// What a hostile image may make this cost.
  private static let maximumDepth = 64

  static func copy(from source: CInt, to target: CInt, depth: Int = 0) throws(SystemError) {
    guard depth < maximumDepth else { throw SystemError(ELOOP, "copy", "depth \(depth)") }
    let directory = try RootfsPath.open(source, ".", O_RDONLY | O_DIRECTORY)
    for name in try directory.entries() {
      var status = stat()
      try system("fstatat", name) {
        unsafe cl_fstatat(directory.rawValue, name, &status, AT_SYMLINK_NOFOLLOW)
      }
      switch status.type {
      case mode_t(S_IFDIR): try copyDirectory(name, directory.rawValue, target, depth)
      case mode_t(S_IFREG): try copyFile(name, directory.rawValue, target, status)
      case mode_t(S_IFLNK): try copyLink(name, directory.rawValue, target)
      default: continue
      }
      try system("fchownat", name) {
        unsafe cl_fchownat(target, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW)
      }
      if !status.isSymbolicLink {
        // After the owner: a change of that takes the set-id bits away.
        try system("fchmodat", name) {
          unsafe cl_fchmodat(target, name, status.st_mode & 0o7777)
        }
      }
    }
  }

  private static func copyDirectory(
    _ name: String, _ source: CInt, _ target: CInt, _ depth: Int
  ) throws(SystemError) {
    try system("mkdir", name) { unsafe cl_mkdirat(target, name, 0o700) }
    let flags = O_PATH | O_DIRECTORY | O_NOFOLLOW
    let from = try FileDescriptor.open(name, flags, at: DirectoryReference(rawValue: source))
    let to = try FileDescriptor.open(name, flags, at: DirectoryReference(rawValue: target))
    try copy(from: from.rawValue, to: to.rawValue, depth: depth + 1)
  }

  private static func copyFile(
    _ name: String, _ source: CInt, _ target: CInt, _ status: stat
  ) throws(SystemError) {
    let from = try FileDescriptor.open(
      name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, at: DirectoryReference(rawValue: source))
    // The entry may have been swapped since it was looked at.
    guard try from.status().isRegular else { throw SystemError(EAGAIN, "copy", name) }
    let to = try FileDescriptor.open(
      name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600,
      at: DirectoryReference(rawValue: target))
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = try system("read", name) {
        unsafe buffer.withUnsafeMutableBytes {
          unsafe cl_read(from.rawValue, $0.baseAddress, $0.count)
        }
      }
      if count == 0 { return }
      try to.writeAll(Array(buffer[..<count]), name)
    }
  }

  private static func copyLink(
    _ name: String, _ source: CInt, _ target: CInt
  ) throws(SystemError) {
    let content = try File.readLink(name, at: DirectoryReference(rawValue: source))
    try system("symlink", name) { unsafe cl_symlinkat(content, target, name) }
  }
}
