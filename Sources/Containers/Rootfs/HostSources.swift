internal import CLinux
internal import Linux
internal import OCISpec

/// Opens with the runtime's rights what the container's process will need and could not reach:
/// it is another user on the host when it has a user namespace.
///
/// A mount can be cloned only by a process of the mount namespace that it is in, which is why
/// descriptors of mere files would not do: what is handed on are detached trees.
struct HostSources {
  /// Whether there is something to hand on at all.
  private let isForeign: Bool
  private let uids: [Spec.IDMapping]
  private let gids: [Spec.IDMapping]

  init(
    _ surroundings: RootfsPlan.Surroundings, uids: [Spec.IDMapping], gids: [Spec.IDMapping]
  ) {
    isForeign = surroundings.hasUserNamespace && surroundings.hasMountNamespace
    self.uids = uids
    self.gids = gids
  }

  /// The source of a bind mount where the process needs it handed; nil where it does not.
  func open(
    _ entry: RootfsPlan.Entry, _ mount: Spec.Mount
  ) throws(RuntimeError) -> SharedDescriptor? {
    guard case .bind(let source) = entry.kind else { return nil }
    guard let map = entry.options.idMap else {
      if !isForeign || entry.options.copiesSymlink { return nil }
      return try clone(source, entry.options, entry.name)
    }
    guard let tree = try clone(source, entry.options, entry.name) else {
      throw RuntimeError(
        "\(entry.name): option idmap: needs the privileges of the host's root")
    }
    let mappings = try self.mappings(map, mount, entry.name)
    let namespace = try MountUserNamespace.make(
      uids: mappings.uids, gids: mappings.gids, entry.name)
    try step(
      "\(entry.name): option idmap on \(source)",
      advice: "the file system of the source must support id-mapped mounts"
    ) { () throws(SystemError) in
      try MountTree.change(
        tree.rawValue, set: .idMapped, userNamespace: namespace.rawValue,
        recursive: map.isRecursive, source)
    }
    return tree
  }

  private func mappings(
    _ map: MountOptions.IDMap, _ mount: Spec.Mount, _ name: String
  ) throws(RuntimeError) -> (uids: [Spec.IDMapping], gids: [Spec.IDMapping]) {
    if let given = map.mappings {
      return (
        IDMapOption.resolve(given.uids, container: uids),
        IDMapOption.resolve(given.gids, container: gids)
      )
    }
    if !mount.uidMappings.isEmpty { return (mount.uidMappings, mount.gidMappings) }
    if !uids.isEmpty, !gids.isEmpty { return (uids, gids) }
    throw RuntimeError(
      "\(name): option idmap: there is no mapping to apply",
      advice: "give the mount uidMappings and gidMappings, or the container a user namespace")
  }

  /// The root file system's tree; nil when the process clones it itself.
  func openRoot(_ path: String) throws(RuntimeError) -> SharedDescriptor? {
    if !isForeign { return nil }
    var options = MountOptions()
    options.isRecursiveBind = true
    do {
      return try clone(path, options, "root.path")
    } catch {
      throw RuntimeError(
        error.message, advice: "root.path must be the directory of the root file system")
    }
  }

  /// Nil when the runtime has no more rights than the process: that clones it by itself then.
  private func clone(
    _ path: String, _ options: MountOptions, _ name: String
  ) throws(RuntimeError) -> SharedDescriptor? {
    let recursive = options.isRecursiveBind
    do {
      let tree = try MountTree.clone(path, recursive: recursive, follows: options.sourceFollows)
      // It must not stay a peer of the host's mount: what the container mounts below it would
      // appear on the host.
      try tree.change(propagation: .slave, recursive: recursive, path)
      return SharedDescriptor(tree.intoDescriptor())
    } catch {
      if error.errno == EPERM { return nil }
      throw BindMount.sourceFault(error, path).inside(name)
    }
  }

  /// The configured device nodes of a container that is not allowed to make any itself, with
  /// their owners; nil when it is, or when nobody here is.
  func makeNodes(_ devices: DevicePlan) throws(RuntimeError) -> SharedDescriptor? {
    if !isForeign || !devices.configured.contains(where: { $0.fileType != mode_t(S_IFIFO) }) {
      return nil
    }
    do {
      let context = try FilesystemContext("tmpfs")
      try context.set("mode", "755")
      let tree = try context.mount([.noExec, .noSUID])
      for (index, node) in devices.configured.enumerated()
      where node.fileType != mode_t(S_IFIFO) {
        try make(node, named: String(index), in: tree.descriptor)
      }
      return SharedDescriptor(tree.intoDescriptor())
    } catch {
      // In a user namespace already: the host's nodes are bound instead.
      if error.errno == EPERM { return nil }
      throw RuntimeError("linux.devices", error)
    }
  }

  private func make(
    _ node: DevicePlan.Node, named name: String, in directory: borrowing FileDescriptor
  ) throws(SystemError) {
    let number = directory.rawValue
    try system("mknod", node.path) {
      unsafe cl_mknodat(number, name, node.fileType | node.permissions, node.number)
    }
    try system("chown", node.path) {
      unsafe cl_fchownat(
        number, name, Self.onHost(node.uid, uids), Self.onHost(node.gid, gids),
        AT_SYMLINK_NOFOLLOW)
    }
    try system("chmod", node.path) { unsafe cl_fchmodat(number, name, node.permissions) }
  }

  /// The id on the host; one that is not mapped is nobody in the container, as root is then.
  private static func onHost(_ id: UInt32, _ mappings: [Spec.IDMapping]) -> UInt32 {
    for mapping in mappings
    where id >= mapping.containerID && id - mapping.containerID < mapping.size {
      return mapping.hostID + (id - mapping.containerID)
    }
    return 0
  }
}
