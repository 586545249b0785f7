internal import CLinux
public import Linux

/// The directory that holds one directory for each container (`/run/swrun`).
public struct StateStore {
  public let root: String
  let rootless: Bool

  /// `root` as given by `--root`, else `$XDG_RUNTIME_DIR/swrun` without privileges, else
  /// `/run/swrun`.
  public init(root: String?, environment: (String) -> String?) {
    rootless = geteuid() != 0
    if let root {
      self.root = root.utf8.first == UInt8(ascii: "/") ? root : Self.workingDirectory() + "/" + root
    } else if rootless, let runtime = environment("XDG_RUNTIME_DIR"),
      runtime.utf8.first == UInt8(ascii: "/")
    {
      self.root = runtime + "/swrun"
    } else {
      self.root = "/run/swrun"
    }
  }

  /// The caller's working directory; `.` when it was removed under it.
  static func workingDirectory() -> String {
    (try? File.readLink("/proc/self/cwd")) ?? "."
  }

  /// The message of runc, which engines look for.
  public static func doesNotExist(_ id: ContainerID) -> RuntimeError {
    RuntimeError("container \"\(id)\" does not exist")
  }

  /// Makes the directory of a new container and holds its lock.
  public func reserve(_ id: ContainerID) throws(RuntimeError) -> ContainerDirectory {
    let path = root + "/" + id.value
    var result = unsafe cl_mkdirat(AT_FDCWD, path, 0o700)
    if result == -ENOENT {
      try step("--root \(root)", advice: "swrun keeps its state there") {
        () throws(SystemError) in try File.makeDirectories(root, mode: 0o700)
      }
      result = unsafe cl_mkdirat(AT_FDCWD, path, 0o700)
    }
    if result == -EEXIST {
      throw RuntimeError(
        "container with id \"\(id)\" exists already",
        advice: "choose another id, or remove it with: swrun delete \(id)")
    }
    if result < 0 {
      throw RuntimeError("state directory", SystemError(-result, "mkdir", path))
    }
    return try open(id, lock: .exclusive)
  }

  /// How `open` guards a container against other commands.
  public enum Lock { case none, exclusive }

  /// The directory of a container that exists, locked until the value is gone.
  ///
  /// What changes a container locks it; what only reads does not: a hook may ask for the state of
  /// the container whose `create` it is part of, and the record is replaced as one step.
  public func open(
    _ id: ContainerID, lock: Lock
  ) throws(RuntimeError) -> ContainerDirectory {
    let path = root + "/" + id.value
    guard let descriptor = try Self.directory(path) else { throw Self.doesNotExist(id) }
    if lock == .none {
      return ContainerDirectory(id: id, path: path, descriptor: descriptor)
    }
    try step("lock of container \(id)") { () throws(SystemError) in
      try system("flock", path) { cl_flock(descriptor.rawValue, LOCK_EX) }
    }
    // Whoever held the lock before may have deleted the container: an unlinked directory has no
    // link left.
    let status = try step("state directory") { () throws(SystemError) in try descriptor.status() }
    if status.st_nlink == 0 { throw Self.doesNotExist(id) }
    return ContainerDirectory(id: id, path: path, descriptor: descriptor)
  }

  /// Nil when nothing is there.
  private static func directory(_ path: String) throws(RuntimeError) -> FileDescriptor? {
    do {
      return try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    } catch {
      if error.errno == ENOENT { return nil }
      throw RuntimeError("state directory", error)
    }
  }

  /// The ids of all containers in their order; none when the root is not there yet.
  public func list() throws(RuntimeError) -> [ContainerID] {
    guard let names = try names() else { return [] }
    return (0..<names.count).compactMap { try? ContainerID(names.name($0)) }
  }

  /// The containers of the root directory; nil when it is not there yet.
  func names() throws(RuntimeError) -> ContainerNames? {
    guard let descriptor = try Self.directory(root) else { return nil }
    return try ContainerNames(descriptor, root)
  }
}

/// Where a container's files are: in a directory that is open, or one below it.
struct ContainerPlace {
  let id: ContainerID
  let directory: DirectoryReference
  /// What stands before a file's name: nothing, or the container's directory.
  let prefix: String

  /// Nil when the file is not there: the runtime died before it wrote it.
  func read(_ name: String) throws(RuntimeError) -> [UInt8]? {
    do {
      return try File.read(prefix + name, limit: 256 << 20, at: directory)
    } catch {
      if error.errno == ENOENT { return nil }
      throw RuntimeError("state of container \(id)", error)
    }
  }

  func has(_ name: String) -> Bool { File.exists(prefix + name, at: directory) }
}

/// One container's directory in the state store, and its lock.
public struct ContainerDirectory: ~Copyable {
  public let id: ContainerID
  public let path: String
  public let descriptor: FileDescriptor

  static let recordName = "status"
  static let configName = "config.json"
  /// Where a created container waits for `start`.
  public static let startSocketName = "start"

  public var reference: DirectoryReference { DirectoryReference(descriptor) }

  /// A name in the directory as a path short enough for `sun_path`, however long the root is.
  public func shortPath(_ name: String) -> String {
    "/proc/self/fd/\(String(decimal: Int(descriptor.rawValue)))/\(name)"
  }

  /// Makes a file that nobody looks for before the record is there: it may grow in its place.
  func write(_ name: String, _ bytes: [UInt8]) throws(RuntimeError) {
    try step("state of container \(id)") { () throws(SystemError) in
      try FileDescriptor.open(
        name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600, at: reference
      ).writeAll(bytes, name)
    }
  }

  var place: ContainerPlace { ContainerPlace(id: id, directory: reference, prefix: "") }

  func read(_ name: String) throws(RuntimeError) -> [UInt8]? { try place.read(name) }

  public func remove(_ name: String) {
    _ = unsafe cl_unlinkat(descriptor.rawValue, name, 0)
  }

  /// Removes all that is kept of the container.
  public func destroy() throws(RuntimeError) {
    try step("state of container \(id)") { () throws(SystemError) in
      for name in try descriptor.entries(path) {
        let result = unsafe cl_unlinkat(descriptor.rawValue, name, 0)
        if result == -EISDIR {
          NotifySocket.remove(in: self)
        } else if result < 0 && result != -ENOENT {
          throw SystemError(-result, "unlink", path + "/" + name)
        }
      }
      let result = unsafe cl_unlinkat(AT_FDCWD, path, AT_REMOVEDIR)
      if result < 0 && result != -ENOENT { throw SystemError(-result, "rmdir", path) }
    }
  }
}
