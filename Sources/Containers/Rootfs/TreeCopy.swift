internal import CLinux
internal import Linux

/// Copies a directory with all below it, for `tmpcopyup`.
///
/// What is copied is the image's: links are copied as links and never followed, and a file is read
/// up to the size that it had when it was looked at.
struct TreeCopy {
  /// Deeper trees are refused: each level holds two descriptors.
  private static let maximumDepth = 128

  /// Copies what is in `source`, and its mode and owner, to a directory that is there already.
  static func copyContents(
    of source: CInt, to target: borrowing FileDescriptor
  ) throws(SystemError) {
    // That of a new mount is O_PATH, which cannot be changed.
    let made = try FileDescriptor.open(
      ".", O_RDONLY | O_DIRECTORY, at: DirectoryReference(target))
    try copyDirectory(source, made, "", depth: 0)
  }

  private static func copyDirectory(
    _ source: CInt, _ target: borrowing FileDescriptor, _ path: String, depth: Int
  ) throws(SystemError) {
    if depth > maximumDepth { throw SystemError(ELOOP, "copy", path) }
    // Perhaps O_PATH until now, which cannot be listed.
    let reader = try FileDescriptor.open(
      ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, at: DirectoryReference(rawValue: source))
    for name in try reader.entries(path) {
      try copyEntry(name, reader, target, path.isEmpty ? name : "\(path)/\(name)", depth)
    }
    try copyAttributes(try reader.status(), reader, target, path)
  }

  private static func copyEntry(
    _ name: String, _ source: borrowing FileDescriptor, _ target: borrowing FileDescriptor,
    _ path: String, _ depth: Int
  ) throws(SystemError) {
    let entry = try FileDescriptor.open(
      name, O_PATH | O_NOFOLLOW, at: DirectoryReference(source))
    let status = try entry.status()
    let into = target.rawValue
    switch status.st_mode & mode_t(S_IFMT) {
    case mode_t(S_IFDIR):
      try system("mkdir", path) { unsafe cl_mkdirat(into, name, 0o700) }
      let made = try FileDescriptor.open(
        name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, at: DirectoryReference(target))
      try copyDirectory(entry.rawValue, made, path, depth: depth + 1)
    case mode_t(S_IFREG):
      try copyFile(name, status, source, target, path)
    case mode_t(S_IFLNK):
      let text = try File.readLink("", at: DirectoryReference(entry))
      try system("symlink", path) { unsafe cl_symlinkat(text, into, name) }
      try chown(status, into, name, path)
    default:
      // Sockets, pipes and devices.
      try system("mknod", path) {
        unsafe cl_mknodat(into, name, status.st_mode, status.st_rdev)
      }
      try chown(status, into, name, path)
    }
    try setTimes(status, into, name, path)
  }

  private static func copyFile(
    _ name: String, _ expected: stat, _ source: borrowing FileDescriptor,
    _ target: borrowing FileDescriptor, _ path: String
  ) throws(SystemError) {
    // Not to wait for the writer of a pipe that has taken its place.
    let reader = try FileDescriptor.open(
      name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, at: DirectoryReference(source))
    let status = try reader.status()
    guard status.st_ino == expected.st_ino, status.st_dev == expected.st_dev else {
      throw SystemError(EAGAIN, "copy", path)
    }
    let writer = try FileDescriptor.open(
      name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600,
      at: DirectoryReference(target))
    var left = Int(status.st_size)
    while left > 0 {
      let count = try system("sendfile", path) {
        cl_sendfile(writer.rawValue, reader.rawValue, left)
      }
      if count == 0 { break }
      left -= count
    }
    try copyAttributes(status, reader, writer, path)
  }

  private static func copyAttributes(
    _ status: stat, _ source: borrowing FileDescriptor, _ target: borrowing FileDescriptor,
    _ path: String
  ) throws(SystemError) {
    let number = target.rawValue
    try system("fchown", path) { cl_fchown(number, status.st_uid, status.st_gid) }
    // Behind the owner, whose change takes the set-user-id bits away.
    try system("fchmod", path) { cl_fchmod(number, status.st_mode & 0o7777) }
    try copyExtendedAttributes(source, target, path)
  }

  private static func chown(
    _ status: stat, _ directory: CInt, _ name: String, _ path: String
  ) throws(SystemError) {
    try system("chown", path) {
      unsafe cl_fchownat(directory, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW)
    }
  }

  private static func setTimes(
    _ status: stat, _ directory: CInt, _ name: String, _ path: String
  ) throws(SystemError) {
    var status = status
    try system("utimensat", path) { unsafe cl_utimensat(directory, name, &status) }
  }

  private static func copyExtendedAttributes(
    _ source: borrowing FileDescriptor, _ target: borrowing FileDescriptor, _ path: String
  ) throws(SystemError) {
    var names = [CChar](repeating: 0, count: 65536)
    let size = unsafe cl_flistxattr(source.rawValue, &names, names.count)
    if size == 0 || size == -Int(EOPNOTSUPP) { return }
    try system("listxattr", path) { size }
    for bytes in names[..<size].split(separator: 0) {
      let name = String(decoding: bytes.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      // The label is the mount's own.
      if name == "security.selinux" { continue }
      var value = [UInt8](repeating: 0, count: 65536)
      let count = try system("getxattr", path) {
        unsafe cl_fgetxattr(source.rawValue, name, &value, value.count)
      }
      let result = unsafe cl_fsetxattr(target.rawValue, name, value, count)
      // An older tmpfs keeps only some kinds, and tar and cp leave out the others too.
      if result == -EOPNOTSUPP { continue }
      try system("setxattr", path) { result }
    }
  }
}
