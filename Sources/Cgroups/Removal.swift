internal import CLinux
public import Linux

extension Cgroup {
  /// Removes the cgroup with those that the container made below it, in every hierarchy.
  ///
  /// The caller has killed the processes: dying ones are waited for, up to 2 seconds. What is gone
  /// already is no error, so that a removal that was cut off can be done again.
  public func remove() throws(RuntimeError) {
    try Cgroup.remove(CgroupPlacement(paths: paths))
  }

  /// As `remove`, by the paths of the state file alone.
  public static func remove(_ placement: CgroupPlacement) throws(RuntimeError) {
    let deadline = cl_monotonic_ns() + 2_000_000_000
    var failure: RuntimeError?
    for directory in placement.directories {
      do throws(SystemError) {
        try remove(directory.path, deadline: deadline)
      } catch {
        // The others still go: as little as possible is left behind.
        failure = failure ?? removalFailure(directory, error)
      }
    }
    if let failure { throw failure }
  }

  /// Removes the cgroup by one call a hierarchy; false when that does not suffice in one of them.
  static func removeUnused(_ placement: CgroupPlacement) -> Bool {
    var isRemoved = true
    for directory in placement.directories {
      let result = unsafe cl_unlinkat(AT_FDCWD, directory.path, AT_REMOVEDIR)
      if result != 0 && result != -ENOENT { isRemoved = false }
    }
    return isRemoved
  }

  private static func remove(_ path: String, deadline: Int64) throws(SystemError) {
    var pause: CInt = 1
    while true {
      let result = unsafe cl_unlinkat(AT_FDCWD, path, AT_REMOVEDIR)
      if result == 0 || result == -ENOENT { return }
      guard result == -EBUSY || result == -ENOTEMPTY else {
        throw SystemError(-result, "rmdir", path)
      }
      // Child cgroups, or processes that are still dying. Only now is it worth to look.
      do throws(SystemError) {
        let directory = try CgroupDirectory(opening: path, key: "")
        defer { _ = cl_close(directory.fd) }
        try removeChildren(of: directory.reference)
      } catch {
        if error.errno == ENOENT { return }
        if error.errno != EBUSY { throw error }
      }
      let again = unsafe cl_unlinkat(AT_FDCWD, path, AT_REMOVEDIR)
      if again == 0 || again == -ENOENT { return }
      if cl_monotonic_ns() >= deadline { throw SystemError(-again, "rmdir", path) }
      sleep(milliseconds: pause)
      pause = min(pause * 2, 50)
    }
  }

  /// Bottom-up; EBUSY when a child still has processes.
  private static func removeChildren(of reference: DirectoryReference) throws(SystemError) {
    for name in try CgroupDirectory.children(at: reference) {
      let result = unsafe cl_unlinkat(reference.rawValue, name, AT_REMOVEDIR)
      if result == 0 || result == -ENOENT { continue }
      let child: FileDescriptor
      do {
        child = try FileDescriptor.open(name, O_PATH | O_DIRECTORY | O_NOFOLLOW, at: reference)
      } catch {
        if error.errno == ENOENT { continue }
        throw error
      }
      try removeChildren(of: DirectoryReference(child))
      try system("rmdir", name) {
        unsafe cl_unlinkat(reference.rawValue, name, AT_REMOVEDIR)
      }
    }
  }

  private static func removalFailure(
    _ directory: CgroupPlacement.Directory, _ error: SystemError
  ) -> RuntimeError {
    guard error.errno == EBUSY else { return RuntimeError("cgroup", error) }
    let processes = (try? File.readText(directory.path + "/cgroup.procs", limit: 64 << 20)) ?? ""
    let first = processes.utf8.split(separator: UInt8(ascii: "\n")).first.map { Substring($0) }
    return RuntimeError(
      "cgroup \(directory.path): cannot be removed: it still has"
        + (first.map { " process \($0)" } ?? " processes below it"),
      advice: "kill the container first: swrun delete --force")
  }
}
