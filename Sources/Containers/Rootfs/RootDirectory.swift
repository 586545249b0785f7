internal import CLinux
internal import Linux

/// The container's root directory by descriptor, while somebody else may be changing what is in
/// it: no walk leads out, and what was walked once is not walked again (CVE-2021-30465,
/// CVE-2024-45310).
struct RootDirectory {
  /// Not owned.
  let descriptor: CInt

  /// Opens an existing path; symbolic links are followed within the root.
  func open(
    _ path: String, _ flags: CInt = O_PATH, resolve: FileDescriptor.Resolution = .inRoot
  ) throws(SystemError) -> FileDescriptor {
    try FileDescriptor.open(
      path.isEmpty ? "." : path, flags, at: DirectoryReference(rawValue: descriptor),
      resolve: resolve)
  }

  /// As `open`; nil when the path or what leads to it is not there.
  func find(
    _ path: String, _ flags: CInt = O_PATH, resolve: FileDescriptor.Resolution = .inRoot
  ) throws(SystemError) -> FileDescriptor? {
    do {
      return try open(path, flags, resolve: resolve)
    } catch {
      if error.errno == ENOENT { return nil }
      throw error
    }
  }

  /// Makes what is missing of the path, directories, and at its end a directory or an empty file,
  /// and opens it. Where the last name exists already it is opened, whatever it is.
  ///
  /// A symbolic link on the way that leads nowhere yet gets its target made, within the root.
  func make(_ path: String, isDirectory: Bool) throws(SystemError) -> FileDescriptor {
    var path = path
    // Links may lead to links, and each may need another round.
    for _ in 0..<40 {
      switch try makeOnce(path, isDirectory: isDirectory) {
      case .made(let descriptor): return descriptor
      case .leads(let target): path = target
      }
    }
    throw SystemError(ELOOP, "mkdir", path)
  }

  private enum Outcome: ~Copyable {
    case made(FileDescriptor)
    /// There is a link on the way: the same place by the path behind it.
    case leads(String)
  }

  private func makeOnce(_ path: String, isDirectory: Bool) throws(SystemError) -> Outcome {
    let names = path.split(separator: "/").map(String.init)
    var count = names.count
    var current = try longestPrefix(names, &count)
    while count < names.count {
      let name = names[count]
      count += 1
      if name == "." { continue }
      // Directories were made before it: the walk as a whole finds its way now.
      if name == ".." { return .leads(path) }
      let isLast = count == names.count
      let made =
        isLast && !isDirectory
        ? try Self.makeFile(name, in: current) : try Self.makeDirectory(name, in: current)
      guard let made else {
        return .leads(try behindLink(names, count, in: current))
      }
      current = made
    }
    return .made(current)
  }

  /// The longest beginning of the path that exists, open; `count` becomes the number of its names.
  private func longestPrefix(
    _ names: [String], _ count: inout Int
  ) throws(SystemError) -> FileDescriptor {
    while count > 0 {
      let prefix = names[..<count].joined(separator: "/")
      let isWhole = count == names.count
      if let found = try find(prefix, isWhole ? O_PATH : O_PATH | O_DIRECTORY) {
        return found
      }
      count -= 1
    }
    return try open("", O_PATH | O_DIRECTORY)
  }

  /// The path with the link that is its `count`th name replaced by what it holds.
  private func behindLink(
    _ names: [String], _ count: Int, in directory: borrowing FileDescriptor
  ) throws(SystemError) -> String {
    let path = names[..<count].joined(separator: "/")
    let target: String
    do {
      target = try File.readLink(names[count - 1], at: DirectoryReference(directory))
    } catch {
      // It was a link that leads nowhere, and is something else by now: others may take turns.
      throw SystemError(error.errno == EINVAL ? ENOTDIR : error.errno, "mkdir", path)
    }
    let start = target.utf8.first == UInt8(ascii: "/") ? [] : Array(names[..<(count - 1)])
    return (start + [target] + names[count...]).joined(separator: "/")
  }

  /// One directory in an open one; nil when the name is that of a link.
  private static func makeDirectory(
    _ name: String, in directory: borrowing FileDescriptor
  ) throws(SystemError) -> FileDescriptor? {
    let result = unsafe cl_mkdirat(directory.rawValue, name, 0o755)
    if result < 0 && result != -EEXIST { throw SystemError(-result, "mkdir", name) }
    return try openSame(name, in: directory, O_PATH | O_DIRECTORY)
  }

  /// One empty file in an open directory; nil when the name is that of a link.
  private static func makeFile(
    _ name: String, in directory: borrowing FileDescriptor
  ) throws(SystemError) -> FileDescriptor? {
    do {
      return try directory.open(
        name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o644,
        resolve: [.beneath, .noSymlinks])
    } catch {
      guard error.errno == EEXIST else { throw error }
    }
    return try openSame(name, in: directory, O_PATH)
  }

  private static func openSame(
    _ name: String, in directory: borrowing FileDescriptor, _ flags: CInt
  ) throws(SystemError) -> FileDescriptor? {
    do {
      return try directory.open(name, flags, resolve: [.beneath, .noSymlinks])
    } catch {
      if error.errno == ELOOP { return nil }
      throw error
    }
  }
}
