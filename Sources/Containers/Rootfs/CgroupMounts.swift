internal import CLinux
internal import Cgroups
internal import JSON
internal import Linux

/// A hierarchy of the host, and where the container is in it.
struct CgroupHierarchy: Equatable {
  /// Its field in /proc/PID/cgroup: `memory`, `cpu,cpuacct`, `name=systemd`; empty for v2.
  let key: String
  /// The container's directory, as a path of the host.
  let path: String

  var isUnified: Bool { key.isEmpty }

  /// The container's own, or where it has none those that this process is in.
  static func all(_ own: JSONTexts) throws(RuntimeError) -> [CgroupHierarchy] {
    if !own.isEmpty {
      return own.map { CgroupHierarchy(key: $0.key, path: $0.value) }
    }
    return try CgroupLayout.detect().hierarchies.map {
      CgroupHierarchy(
        key: $0.key, path: $0.ownPath == "/" ? $0.mountPoint : $0.mountPoint + $0.ownPath)
    }
  }

  /// Whether the host has v2 alone.
  static func isUnifiedHost() throws(SystemError) -> Bool {
    var status = statfs()
    try system("statfs", "/sys/fs/cgroup") { unsafe cl_statfs("/sys/fs/cgroup", &status) }
    return UInt(bitPattern: Int(status.f_type)) == UInt(CGROUP2_SUPER_MAGIC)
  }
}

/// Mounts of type `cgroup`: the container's view of the hierarchies of the host, v1 or v2
/// (config-linux.md, "Cgroup ownership"; cgroup_namespaces(7)).
struct CgroupMounts {
  private let builder: RootfsBuilder
  private let entry: RootfsPlan.Entry
  private let type: String

  init(_ builder: RootfsBuilder, _ entry: RootfsPlan.Entry, type: String) {
    self.builder = builder
    self.entry = entry
    self.type = type
  }

  private var hasNamespace: Bool { builder.plan.surroundings.hasCgroupNamespace }
  private var hasUserNamespace: Bool { builder.plan.surroundings.hasUserNamespace }

  func make() throws(RuntimeError) {
    let isUnified = try step(
      "type cgroup on /\(entry.destination)", advice: "the host's cgroups must be mounted"
    ) { () throws(SystemError) in try CgroupHierarchy.isUnifiedHost() }
    if type == "cgroup2" || isUnified { return try makeUnified() }
    let legacy = try CgroupHierarchy.all(builder.cgroups).filter { !$0.isUnified }
    if legacy.isEmpty {
      throw RuntimeError(
        "type cgroup: no cgroup hierarchy is mounted on this host",
        advice: "mount one on /sys/fs/cgroup, or remove the mount")
    }
    try makeLegacy(legacy)
  }

  // MARK: v2

  private func makeUnified() throws(RuntimeError) {
    let target = try builder.target(entry.destination) { () throws(SystemError) in true }
    let source: String
    if case .filesystem(_, let given) = entry.kind {
      source = given ?? "cgroup"
    } else {
      source = "cgroup"
    }
    let tree: MountTree
    do {
      let context = try FilesystemContext("cgroup2")
      try context.set("source", source)
      for option in entry.options.data { try context.set(option: option) }
      tree = try context.mount(entry.options.attributes.set)
    } catch {
      // Without a cgroup namespace of its own a user namespace has no right to mount it.
      guard error.errno == EPERM || error.errno == EBUSY else {
        throw RuntimeError("type cgroup2 on /\(entry.destination)", error)
      }
      return try bindUnified(target)
    }
    try entry.options.withoutAttributes.apply(to: tree, isRecursive: false, "cgroup2")
    try builder.attach(tree, target, at: entry.destination)
  }

  private func bindUnified(_ target: borrowing MountTarget) throws(RuntimeError) {
    let own = try CgroupHierarchy.all(builder.cgroups).first(where: \.isUnified)
    let tree = try step("type cgroup2 on /\(entry.destination)") { () throws(SystemError) in
      guard let own, let tree = try Self.find(own.path)
      // Nothing of the host's is to be seen there either.
      else { return try FilesystemContext("tmpfs").mount(.readOnly) }
      try restrict(tree, own.path)
      return tree
    }
    try builder.attach(tree, target, at: entry.destination)
  }

  private static func find(_ path: String) throws(SystemError) -> MountTree? {
    do {
      return try MountTree.clone(path, recursive: false)
    } catch {
      if error.errno == ENOENT { return nil }
      throw error
    }
  }

  // MARK: v1

  private func makeLegacy(_ hierarchies: [CgroupHierarchy]) throws(RuntimeError) {
    let target = try builder.target(entry.destination) { () throws(SystemError) in true }
    let base: MountTree
    do {
      let context = try FilesystemContext("tmpfs")
      try context.set("source", "tmpfs")
      try context.set("mode", "755")
      base = try context.mount(entry.options.attributes.set.subtracting(.readOnly))
    } catch {
      throw RuntimeError("type cgroup on /\(entry.destination)", error)
    }
    try builder.attach(base, target, at: entry.destination)
    for hierarchy in hierarchies {
      do {
        try mount(hierarchy, in: base.descriptor)
      } catch {
        throw RuntimeError(
          "type cgroup on /\(entry.destination): hierarchy \(hierarchy.key)", error)
      }
    }
  }

  private func mount(
    _ hierarchy: CgroupHierarchy, in base: borrowing FileDescriptor
  ) throws(SystemError) {
    let name = CgroupLayout.directoryName(of: hierarchy.key)
    let directory = base.rawValue
    try system("mkdir", name) { unsafe cl_mkdirat(directory, name, 0o755) }
    if hasNamespace {
      try freshTree(hierarchy).attach(to: name, in: directory, name)
    } else {
      let tree = try MountTree.clone(hierarchy.path, recursive: false)
      try restrict(tree, hierarchy.path)
      try tree.attach(to: name, in: directory, name)
    }
    // A co-mounted hierarchy is found by each of its controllers.
    if name == hierarchy.key, name.utf8.contains(UInt8(ascii: ",")) {
      for controller in name.split(separator: ",") {
        try system("symlink", name) {
          unsafe cl_symlinkat(name, directory, String(controller))
        }
      }
    }
  }

  /// With a cgroup namespace the root of a new mount is the container's own cgroup.
  private func freshTree(_ hierarchy: CgroupHierarchy) throws(SystemError) -> MountTree {
    let context = try FilesystemContext("cgroup")
    if let name = CgroupLayout.name(of: hierarchy.key) {
      try context.set("source", name)
      try context.set("name", name)
    } else {
      try context.set("source", "cgroup")
      for controller in hierarchy.key.split(separator: ",") {
        try context.set(flag: String(controller))
      }
    }
    return try context.mount(entry.options.attributes.set)
  }

  /// The flags of the options; and no writing where the namespace that would make the container
  /// the cgroup's owner is not there (CVE-2023-25809).
  private func restrict(
    _ tree: borrowing MountTree, _ path: String
  ) throws(SystemError) {
    var set = entry.options.attributes.set
    if hasUserNamespace, !hasNamespace { set.insert(.readOnly) }
    var clear: MountAttributes = []
    if !set.isDisjoint(with: .accessTimeMask) { clear = .accessTimeMask }
    try tree.change(set: set, clear: clear, path)
  }
}

extension MountOptions {
  /// What is left to do for a mount that was made with its flags.
  var withoutAttributes: MountOptions {
    var rest = MountOptions()
    rest.propagations = propagations.filter { $0.propagation != .private }
    rest.recursiveAttributes = recursiveAttributes
    return rest
  }
}
