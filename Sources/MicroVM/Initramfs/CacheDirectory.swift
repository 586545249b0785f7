internal import CLinux
internal import Linux

/// A directory of files that can be made again, each written whole or not at all.
///
/// What is in it runs as a guest's kernel or first process: a directory or a file that somebody else
/// could write is refused.
struct CacheDirectory {
  /// The files of a kind that are kept; the oldest go first.
  static let capacity = 6
  /// Larger than any kernel or initramfs.
  private static let largestFile: off_t = 1 << 30

  let path: String

  /// Root's is the machine's, another user's own.
  static var own: CacheDirectory {
    if geteuid() == 0 { return CacheDirectory(path: "/var/cache/swrun") }
    let cache = Environment.value("XDG_CACHE_HOME").flatMap { $0.hasPrefix("/") ? $0 : nil }
    return CacheDirectory(
      path: (cache ?? (Environment.value("HOME") ?? "/tmp") + "/.cache") + "/swrun")
  }

  /// The file of that name, open for reading; made by `make` when it is not there.
  ///
  /// Nil when there is nothing to make. Where nothing can be written, the file is in memory alone.
  /// The part of the name before its first hyphen is its kind.
  func file(
    _ name: String, _ make: () throws(RuntimeError) -> [UInt8]?
  ) throws(RuntimeError) -> SharedDescriptor? {
    let directory: SharedDescriptor
    do throws(SystemError) {
      try File.makeDirectories(path, mode: 0o755)
      directory = SharedDescriptor(
        try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
    } catch {
      return try make().map { bytes throws(RuntimeError) in try MemoryFile.sealed(name, bytes) }
    }
    let status = try step(path) { () throws(SystemError) in try directory.status() }
    guard isOwn(status) else {
      throw RuntimeError(
        "\(path): others can write to it (user \(status.st_uid), mode \(octal(status.st_mode)))",
        advice: "remove it; swrun makes it again")
    }
    if let found = open(name, in: directory) { return found }
    guard let bytes = try make() else { return nil }
    do throws(SystemError) {
      try write(bytes, name, in: directory)
    } catch {
      // A full or read-only disk costs the cache, not the guest.
      return try MemoryFile.sealed(name, bytes)
    }
    evict(name.prefix { $0 != "-" } + "-", from: directory)
    if let written = open(name, in: directory) { return written }
    return try MemoryFile.sealed(name, bytes)
  }

  private func open(_ name: String, in directory: SharedDescriptor) -> SharedDescriptor? {
    guard
      let file = try? FileDescriptor.open(
        name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
        at: DirectoryReference(rawValue: directory.rawValue)),
      let status = try? file.status(), status.isRegular, isOwn(status), status.st_size > 0,
      status.st_size <= Self.largestFile
    else { return nil }
    return SharedDescriptor(file)
  }

  private func isOwn(_ status: stat) -> Bool {
    status.st_uid == geteuid() && status.st_mode & 0o022 == 0
  }

  private func write(
    _ bytes: [UInt8], _ name: String, in directory: SharedDescriptor
  ) throws(SystemError) {
    // Of two that make the same file at once, the second rename wins, with the same bytes.
    let temporary = ".\(name).\(getpid())"
    _ = unsafe cl_unlinkat(directory.rawValue, temporary, 0)
    do throws(SystemError) {
      let file = try FileDescriptor.open(
        temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o644,
        at: DirectoryReference(rawValue: directory.rawValue))
      try file.writeAll(bytes, name)
      // A power failure must not leave the name with less than its bytes.
      try system("fsync", name) { cl_fsync(file.rawValue) }
      try system("rename", name) {
        unsafe cl_renameat(directory.rawValue, temporary, directory.rawValue, name)
      }
    } catch {
      _ = unsafe cl_unlinkat(directory.rawValue, temporary, 0)
      throw error
    }
  }

  /// Removes the oldest files of a kind, and what a crash left of it; who has one open keeps it.
  private func evict(_ kind: String, from directory: SharedDescriptor) {
    guard
      let handle = try? FileDescriptor.open(
        ".", O_RDONLY | O_DIRECTORY, at: DirectoryReference(rawValue: directory.rawValue)),
      let names = try? handle.entries(path)
    else { return }
    var files: [(seconds: Int, name: String)] = []
    for name in names where name.hasPrefix(kind) || name.hasPrefix("." + kind) {
      var status = stat()
      guard unsafe cl_fstatat(directory.rawValue, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
        continue
      }
      files.append((Int(status.st_mtim.tv_sec), name))
    }
    files.sort { $0 < $1 }
    for file in files.dropLast(Self.capacity) {
      _ = unsafe cl_unlinkat(directory.rawValue, file.name, 0)
    }
  }

  private func octal(_ mode: mode_t) -> String { String(mode & 0o7777, radix: 8) }
}

/// What tells a file from another one, or from itself before a change, without reading it.
struct FileIdentity: Equatable {
  let text: String

  init(_ status: stat) {
    text =
      "\(status.st_dev):\(status.st_ino):\(status.st_size)"
      + ":\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
      + ":\(status.st_ctim.tv_sec).\(status.st_ctim.tv_nsec)"
  }
}

/// A name for a file by all that its contents depend on.
struct CacheKey {
  /// 32 hexadecimal digits.
  let digest: String

  /// `format` changes when the same parts give other contents.
  init(_ format: String, _ parts: [String]) {
    var text = Array(format.utf8)
    for part in parts { text += [0] + Array(part.utf8) }
    digest = String(hexadecimal: Array(SHA256.digest(text).prefix(16)))
  }
}
