internal import CLinux
internal import Linux

/// The mount of type `cgroup`: cgroup2 on a v2 machine, else a tmpfs with a directory for each v1
/// hierarchy, as runc makes it.
struct CgroupMount {
  let builder: RootfsBuilder
  let entry: RootfsPlan.Entry

  private static let hostRoot = "/sys/fs/cgroup"

  func run() throws(RuntimeError) {
    do throws(SystemError) {
      var filesystem = statfs()
      try system("statfs", Self.hostRoot) { unsafe cl_statfs(Self.hostRoot, &filesystem) }
      let target = try builder.target(entry, .directory)
      if UInt(bitPattern: Int(filesystem.f_type)) == UInt(CGROUP2_SUPER_MAGIC) {
        try mountUnified(target)
      } else {
        try mountLegacy(target)
      }
    } catch {
      throw RuntimeError("\(entry.name): \(entry.destination)", error)
    }
  }

  /// What keeps a container without a cgroup namespace and with the host's ids from changing the
  /// cgroups of others (CVE-2023-25809).
  private var attributes: UInt {
    let options = entry.options.set | entry.options.recursiveSet
    return builder.plan.inUserNamespace && !builder.plan.hasCgroupNamespace
      ? options | UInt(CL_MOUNT_ATTR_RDONLY) : options
  }

  private func mountUnified(_ target: borrowing FileDescriptor) throws(SystemError) {
    let tree: MountTree
    do throws(SystemError) {
      let context = try FilesystemContext("cgroup2")
      tree = try context.mount(attributes: attributes)
    } catch {
      // A user namespace without a cgroup namespace of its own may not mount it.
      guard error.errno == EPERM || error.errno == EBUSY else { throw error }
      let path = builder.cgroups[""] ?? Self.hostRoot
      tree = try bindTree(path, recursive: true)
    }
    try tree.attach(to: target.rawValue, entry.destination)
  }

  private func bindTree(_ path: String, recursive: Bool) throws(SystemError) -> MountTree {
    let tree = try MountTree.clone(path, recursive: recursive)
    try tree.setAttributes(
      set: attributes, clear: entry.options.clear, recursive: recursive, path)
    return tree
  }

  private func mountLegacy(_ target: borrowing FileDescriptor) throws(SystemError) {
    let context = try FilesystemContext("tmpfs")
    try context.set("source", "tmpfs")
    // As every tmpfs here it has the mode of the directory that it covers; but for the owner, who
    // makes the directories below.
    try context.set("mode", String(try target.status().st_mode & 0o7777 | 0o200, radix: 8))
    let base = try context.mount(
      attributes: entry.options.set & ~UInt(CL_MOUNT_ATTR_RDONLY))
    try base.attach(to: target.rawValue, entry.destination)
    let directory = base.descriptor.rawValue
    for hierarchy in hierarchies() {
      let name = Self.directoryName(hierarchy.key)
      try system("mkdir", name) { unsafe cl_mkdirat(directory, name, 0o755) }
      let place = try FileDescriptor.open(
        name, O_PATH | O_DIRECTORY | O_NOFOLLOW, at: DirectoryReference(base.descriptor))
      try tree(of: hierarchy).attach(to: place.rawValue, name)
      // Co-mounted controllers are found under each of their names.
      let controllers = hierarchy.key.split(separator: ",").map(String.init)
      for controller in controllers where controllers.count > 1 {
        try system("symlink", controller) { unsafe cl_symlinkat(name, directory, controller) }
      }
    }
  }

  /// The container's v1 hierarchies; without cgroups of its own those that the caller is in.
  private func hierarchies() -> [(key: String, path: String)] {
    let own = builder.cgroups.filter { !$0.key.isEmpty }
    if !own.isEmpty { return own.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
    let text = (try? File.readText("/proc/self/cgroup")) ?? ""
    return text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3, !fields[1].isEmpty else { return nil }
      let key = String(fields[1])
      return (key, Self.hostRoot + "/" + Self.directoryName(key) + String(fields[2]))
    }
  }

  private static func directoryName(_ key: String) -> String {
    key.hasPrefix("name=") ? String(key.dropFirst(5)) : key
  }

  /// With a cgroup namespace a mount of the hierarchy shows the container's part alone; without
  /// one that part is bound.
  private func tree(of hierarchy: (key: String, path: String)) throws(SystemError) -> MountTree {
    guard builder.plan.hasCgroupNamespace else {
      return try bindTree(hierarchy.path, recursive: false)
    }
    let context = try FilesystemContext("cgroup")
    if hierarchy.key.hasPrefix("name=") {
      try context.set(flag: "none")
      try context.set("name", String(hierarchy.key.dropFirst(5)))
    } else {
      for controller in hierarchy.key.split(separator: ",") {
        try context.set(flag: String(controller))
      }
    }
    return try context.mount(attributes: attributes)
  }
}
