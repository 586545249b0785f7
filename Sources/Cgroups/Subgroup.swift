public import CLinux
public import Linux

extension Cgroup {
  /// The cgroup that a process is in: where `exec` goes when the container's own cgroup can have
  /// no processes any more, because its init enabled v2 controllers for cgroups below it.
  public init(of pid: pid_t, in layout: CgroupLayout) throws(RuntimeError) {
    let memberships = try step("cgroup of process \(pid)") { () throws(SystemError) in
      Membership.parse(try File.read("/proc/\(pid)/cgroup"))
    }
    var directories: [CgroupPlacement.Directory] = []
    for hierarchy in layout.hierarchies {
      guard let path = memberships.first(where: { $0.key == hierarchy.key })?.path else { continue }
      let below = CgroupMount.relative(path, to: hierarchy.root)
      let start = hierarchy.mountPoint
      directories.append(.init(key: hierarchy.key, path: below == "/" ? start : start + below))
    }
    try self.init(
      opening: CgroupPlacement(
        directories: directories, cgroupsPath: nil, isUnified: layout.isUnified))
  }

  /// The existing cgroups below this one that `exec --cgroup` names: one path for all
  /// hierarchies, or `controller,…:path` for each, the others staying as they are.
  public func subgroup(_ arguments: [String]) throws(RuntimeError) -> Cgroup {
    var suffixes: [(controller: String?, path: String)] = []
    for argument in arguments {
      let parts = argument.utf8.split(
        separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
      guard parts.count < 3, parts.count == 2 || arguments.count == 1 else {
        throw RuntimeError(
          "--cgroup \(argument): not a path, nor controllers and a path",
          advice: "give PATH once, or CONTROLLER:PATH for each hierarchy")
      }
      guard let path = cleaned(String(Substring(parts[parts.count - 1]))) else { continue }
      if parts.count == 1 {
        suffixes.append((nil, path))
        continue
      }
      for name in parts[0].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
        let controller = String(Substring(name))
        guard directories.contains(where: { $0.isNamed(controller) }) else {
          throw RuntimeError(
            "--cgroup \(argument): the container has no cgroup for the controller \(controller)",
            advice: "see /proc/PID/cgroup of the container's init")
        }
        suffixes.append((controller, path))
      }
    }
    var result = Cgroup(rootless: rootless, isUnified: isUnified)
    for directory in directories {
      let suffix = suffixes.first { $0.controller.map { directory.isNamed($0) } ?? true }
      let path = suffix.map { directory.path + "/" + $0.path } ?? directory.path
      do throws(SystemError) {
        result.directories.append(try CgroupDirectory(opening: path, key: directory.key))
      } catch {
        throw RuntimeError(
          "--cgroup", error, advice: "make the cgroup below the container's own first")
      }
    }
    return result
  }
}

extension CgroupDirectory {
  /// Whether `--cgroup` means this hierarchy: by a controller, by `name=…`, or empty for v2.
  fileprivate func isNamed(_ name: String) -> Bool {
    key == name || controls(name)
  }
}
