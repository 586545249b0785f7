internal import CLinux
internal import Linux

/// Walks paths inside a root file system that somebody else may be changing: every step is a
/// descriptor, and no symbolic link leads out (CVE-2021-30465, CVE-2024-45310).
struct RootfsPath {
  let root: CInt

  /// What a mount is going to cover.
  enum Kind { case directory, file }

  /// Opens an existing path, symbolic links inside the root followed; nil when it is not there.
  func open(_ path: String, flags: CInt = 0) throws(SystemError) -> FileDescriptor? {
    do {
      return try Self.open(root, path, O_PATH | flags)
    } catch {
      if error.errno == ENOENT || error.errno == ENOTDIR { return nil }
      throw error
    }
  }

  /// Opens the path as a mount's target, and makes what of it is missing: directories, and for a
  /// file an empty one.
  func openOrMake(_ path: String, _ kind: Kind) throws(SystemError) -> FileDescriptor {
    if let existing = try open(path) { return existing }
    // Component by component, each relative to the descriptor of the one before: a component that
    // turns into a link meanwhile is walked within the root, or is an error.
    let names = path.split(separator: "/").map(String.init)
    var walked = ""
    for (index, name) in names.enumerated() {
      if name == "." { continue }
      let parent = try Self.open(root, walked.isEmpty ? "/" : walked, O_PATH | O_DIRECTORY)
      walked += "/" + name
      if try open(walked) != nil || name == ".." { continue }
      let isLast = index == names.count - 1
      if isLast && kind == .file {
        let file = try makeFile(name, in: parent, walked)
        return file
      }
      let result = unsafe cl_mkdirat(parent.rawValue, name, 0o755)
      if result < 0 && result != -EEXIST { throw SystemError(-result, "mkdir", walked) }
      if result == -EEXIST { try makeLinkTarget(walked) }
    }
    return try Self.open(root, path, O_PATH)
  }

  private func makeFile(
    _ name: String, in parent: borrowing FileDescriptor, _ path: String
  ) throws(SystemError) -> FileDescriptor {
    do {
      _ = try parent.open(
        name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o644, resolve: [.beneath])
    } catch {
      // A dangling link: its target is made inside the root.
      guard error.errno == EEXIST else { throw error }
      _ = try Self.openDescriptor(root).open(
        path, O_WRONLY | O_CREAT, mode: 0o644, resolve: [.inRoot, .noMagicLinks])
    }
    return try Self.open(root, path, O_PATH)
  }

  /// The name is a link that leads nowhere yet: the directory it leads to inside the root is made.
  private func makeLinkTarget(_ path: String) throws(SystemError) {
    let link = try Self.open(root, path, O_PATH | O_NOFOLLOW)
    var bytes = [CChar](repeating: 0, count: 4096)
    let count = try system("readlink", path) {
      unsafe cl_readlinkat(link.rawValue, "", &bytes, bytes.count)
    }
    let target = String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let parent = path.split(separator: "/").dropLast().joined(separator: "/")
    let next = target.hasPrefix("/") ? target : parent + "/" + target
    guard next.split(separator: "/").count < 64 else { throw SystemError(ELOOP, "mkdir", path) }
    _ = try openOrMake(next, .directory)
  }

  private static func openDescriptor(_ number: CInt) throws(SystemError) -> FileDescriptor {
    FileDescriptor(owning: try system("dup", "fd \(number)") { cl_dup(number) })
  }

  static func open(
    _ directory: CInt, _ path: String, _ flags: CInt
  ) throws(SystemError) -> FileDescriptor {
    var attempts = 0
    while true {
      let result = unsafe cl_openat2(
        directory, path, UInt64(UInt32(bitPattern: flags | O_CLOEXEC)), 0,
        UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS))
      if result >= 0 { return FileDescriptor(owning: result) }
      attempts += 1
      if result == -EINTR || (result == -EAGAIN && attempts < 128) { continue }
      throw SystemError(-result, "openat2", path)
    }
  }
}
