internal import CLinux
public import Linux
public import OCISpec

extension Cgroup {
  /// Makes the cgroup in every hierarchy and enables the v2 controllers.
  ///
  /// What it made is removed again when it fails. A cgroup that exists is taken over when it is
  /// empty and not frozen. A `rootless` caller goes on without the hierarchies that it has no
  /// rights in, unless config.json names the cgroup; limits that need one of them fail in `apply`.
  public static func create(
    _ placement: CgroupPlacement, resources: Spec.Linux.Resources? = nil, rootless: Bool = false
  ) throws(RuntimeError) -> Cgroup {
    var cgroup = Cgroup(rootless: rootless, isUnified: placement.isUnified)
    try cgroup.extend(placement, resources: resources)
    return cgroup
  }

  /// As `create`, for directories that are added to this cgroup: a caller may make the v2 part,
  /// clone into it, and make `placement.legacy` while the child does other work.
  public mutating func extend(
    _ placement: CgroupPlacement, resources: Spec.Linux.Resources? = nil
  ) throws(RuntimeError) {
    var made: [String] = []
    do {
      for directory in placement.directories {
        try add(directory, given: placement.cgroupsPath, made: &made)
      }
      try enableControllers(for: resources)
      self.made += made
    } catch {
      Cgroup.removeEmpty(made)
      throw error
    }
  }

  private mutating func add(
    _ wanted: CgroupPlacement.Directory, given: String?, made: inout [String]
  ) throws(RuntimeError) {
    let existed: Bool
    let directory: CgroupDirectory
    do throws(SystemError) {
      existed = try Cgroup.makeDirectory(wanted.path, made: &made)
      directory = try CgroupDirectory(opening: wanted.path, key: wanted.key)
    } catch {
      if rootless && given == nil && isRefusal(error.errno) {
        refused.append((wanted.key, error))
        return
      }
      throw Cgroup.creationFailure(error, given: given)
    }
    directories.append(directory)
    if existed { try requireUnused(directory) }
    if directory.controls("cpuset") {
      try step("cgroup \(directory.path)") { () throws(SystemError) in
        try inheritCpuset(directory, isNew: !existed)
      }
    }
  }

  /// mkdir with parents; what it made is added to `made`. Whether the directory was there before.
  private static func makeDirectory(
    _ path: String, made: inout [String]
  ) throws(SystemError) -> Bool {
    let result = unsafe cl_mkdirat(AT_FDCWD, path, 0o755)
    if result == 0 {
      made.append(path)
      return false
    }
    if result == -EEXIST { return true }
    guard result == -ENOENT, let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")),
      slash != path.startIndex
    else { throw SystemError(-result, "mkdir", path) }
    _ = try makeDirectory(String(path[..<slash]), made: &made)
    let again = unsafe cl_mkdirat(AT_FDCWD, path, 0o755)
    if again == 0 { made.append(path) }
    // Another container's create may have made it meanwhile.
    if again != 0 && again != -EEXIST { throw SystemError(-again, "mkdir", path) }
    return again != 0
  }

  private static func creationFailure(_ error: SystemError, given: String?) -> RuntimeError {
    let what = given.map { "linux.cgroupsPath: \($0)" } ?? "cgroup"
    let advice: String?
    switch error.errno {
    case EROFS:
      advice =
        "the cgroup filesystem is mounted read-only here: remount it, or use"
        + " --cgroup-manager=disabled"
    case EACCES, EPERM:
      advice =
        "this user has no cgroup delegated: have the parent directory owned by this user,"
        + " or use --cgroup-manager=disabled"
    case EAGAIN:
      advice = "the cgroup.max.descendants or cgroup.max.depth of a parent is reached"
    case ENOTDIR, ELOOP: advice = "a component of the path is not a directory: choose another path"
    case ENAMETOOLONG: advice = "shorten linux.cgroupsPath or the container's id"
    case ENOSPC: advice = "the kernel has no more cgroups for this hierarchy: remove unused ones"
    default: advice = nil
    }
    return RuntimeError(what, error, advice: advice)
  }

  /// A cgroup that was there may be another container's: with processes or frozen it is refused.
  private func requireUnused(_ directory: CgroupDirectory) throws(RuntimeError) {
    let advice = "remove what uses it, or choose another linux.cgroupsPath"
    let processes = try step("cgroup \(directory.path)") { () throws(SystemError) in
      try directory.read("cgroup.procs")
    }
    let count = processes.utf8.split(separator: UInt8(ascii: "\n")).count
    if count > 0 {
      throw RuntimeError(
        "cgroup \(directory.path): it is not empty: \(count) process(es)", advice: advice)
    }
    let isFrozen =
      directory.version == .v2
      ? directory.readIfPresent("cgroup.freeze") == "1"
      : directory.controls("freezer")
        && directory.readIfPresent("freezer.state").map { $0 != "THAWED" } ?? false
    if isFrozen { throw RuntimeError("cgroup \(directory.path): it is frozen", advice: advice) }
  }
}
