internal import CLinux
internal import Linux

/// What a mount is going to cover, by descriptor.
struct MountTarget: ~Copyable {
  /// What keeps `descriptor` open.
  private let owned: FileDescriptor?
  /// The target; or the directory that has it, when there is a `name`.
  let descriptor: CInt
  /// An entry in a file system that nobody else has seen yet.
  let name: String?
  /// Whether it was made for the mount.
  let isNew: Bool

  init(_ descriptor: consuming FileDescriptor, isNew: Bool) {
    self.descriptor = descriptor.rawValue
    owned = .some(descriptor)
    name = nil
    self.isNew = isNew
  }

  init(made name: String, in directory: CInt) {
    owned = nil
    descriptor = directory
    self.name = name
    isNew = true
  }

  func attach(_ tree: borrowing MountTree, _ path: String) throws(SystemError) {
    if let name {
      try tree.attach(to: name, in: descriptor, path)
    } else {
      try tree.attach(to: descriptor, path)
    }
  }
}

/// How the path of a mount is walked.
enum TargetWalk {
  /// Symbolic links are followed within the root.
  case following
  /// The last name is not followed (`dest-nofollow`).
  case lastNameItself
  /// None is allowed, and the end is a directory: what is mounted here is looked up by its name.
  case plainDirectory
}

extension RootfsBuilder {
  /// Opens what is at `path`, and makes what is missing.
  func target(
    _ path: String, _ walk: TargetWalk = .following,
    isDirectory: () throws(SystemError) -> Bool
  ) throws(RuntimeError) -> MountTarget {
    do {
      if let made = try makeInOwnDirectory(path, isDirectory) { return made }
      if let found = try find(path, walk) { return MountTarget(found, isNew: false) }
      let made = try root.make(path, isDirectory: try isDirectory())
      if walk != .plainDirectory { try refuseProc(made, path) }
      return MountTarget(made, isNew: true)
    } catch {
      throw targetFault(error, path, walk)
    }
  }

  /// The name in a file system that this process has mounted and nobody else has seen: two system
  /// calls less, and still no path that somebody could bend.
  private func makeInOwnDirectory(
    _ path: String, _ isDirectory: () throws(SystemError) -> Bool
  ) throws(SystemError) -> MountTarget? {
    if ownDirectories.isEmpty { return nil }
    let (parent, name) = RootPath.split(path)
    guard let own = ownDirectories.first(where: { $0.path == parent })?.descriptor.rawValue
    else { return nil }
    let result =
      try isDirectory()
      ? unsafe cl_mkdirat(own, name, 0o755)
      : unsafe cl_mknodat(own, name, mode_t(S_IFREG) | 0o644, 0)
    if result == -EEXIST { return nil }
    try system("mkdir", path) { result }
    return MountTarget(made: name, in: own)
  }

  private func find(_ path: String, _ walk: TargetWalk) throws(SystemError) -> FileDescriptor? {
    switch walk {
    case .plainDirectory:
      return try root.find(path, O_PATH | O_DIRECTORY, resolve: [.inRoot, .noSymlinks])
    case .lastNameItself:
      guard let found = try root.find(path, O_PATH | O_NOFOLLOW) else { return nil }
      try refuseProc(found, path)
      return found
    case .following:
      do {
        return try root.find(path, O_PATH, resolve: [.inRoot, .noSymlinks])
      } catch {
        guard error.errno == ELOOP else { throw error }
      }
      guard let found = try root.find(path) else { return nil }
      try refuseProc(found, path)
      return found
    }
  }

  /// A path that has links may end in proc whatever it is called; by name only the few of
  /// `ProcMountRule` may.
  private func refuseProc(
    _ target: borrowing FileDescriptor, _ path: String
  ) throws(SystemError) {
    if RootPath.isBelowOrEqual(path, "proc") { return }
    let magic = try system("fstatfs", path) { cl_filesystem_magic(target.rawValue) }
    if magic == Int(PROC_SUPER_MAGIC) { throw SystemError(EXDEV, "openat2", path) }
  }

  private func targetFault(
    _ error: SystemError, _ path: String, _ walk: TargetWalk
  ) -> RuntimeError {
    switch (error.errno, walk) {
    case (ELOOP, .plainDirectory), (ENOTDIR, .plainDirectory):
      RuntimeError(
        "destination /\(path): is not an ordinary directory in the root file system",
        advice: "a symbolic link or a file there could make a fake of what is mounted")
    case (EXDEV, _):
      RuntimeError(
        "destination /\(path): is a symbolic link into /proc",
        advice: "mount on the path that it leads to, where that is allowed")
    case (EROFS, _):
      RuntimeError(
        "destination /\(path): does not exist, and its file system is read-only",
        advice: "add it to the image")
    case (ENOTDIR, _):
      RuntimeError(
        "destination /\(path): a file is in the way in the root file system",
        advice: "choose another destination")
    default: RuntimeError("destination /\(path)", error)
    }
  }

  /// Mounts the tree there, which from then on hides what was below.
  func attach(
    _ tree: borrowing MountTree, _ target: borrowing MountTarget, at path: String
  ) throws(RuntimeError) {
    do {
      try target.attach(tree, path)
    } catch {
      throw error.errno == ENOTDIR
        ? RuntimeError(
          "destination /\(path): one is a directory and the other a file",
          advice: "source and destination must both be directories, or both files")
        : RuntimeError("destination /\(path)", error)
    }
    ownDirectories.removeAll { RootPath.isBelowOrEqual($0.path, path) }
    if path == "dev" { devices = SharedDescriptor.closed }
    if path == "proc" { proc = SharedDescriptor.closed }
  }
}

extension SharedDescriptor {
  /// Whether it refers to something.
  var isOpen: Bool { rawValue >= 0 }
}
