internal import CLinux
internal import Linux
internal import OCISpec

/// A container's file system before it exists: the mounts with their options sorted, and open what
/// the process behind the clone could not open itself.
final class RootfsPlan {
  /// One entry of `mounts`.
  struct Entry {
    /// `mounts[3]`, as faults name it.
    let name: String
    let destination: String
    let type: String
    let source: String
    let options: MountOptions
    /// The source tree of a bind mount that was cloned by the runtime; nil is cloned later.
    let tree: SharedDescriptor?
  }

  let spec: Spec
  let path: String
  let noPivot: Bool
  let entries: [Entry]
  /// The root file system's tree, when the process could not reach it: in a user namespace.
  let tree: SharedDescriptor?
  let treeIsClone = geteuid() == 0
  /// Whether the process is not the host's root: it cannot make device nodes.
  let inUserNamespace: Bool
  let hasNetworkNamespace: Bool
  let hasCgroupNamespace: Bool
  let devices: DevicePlan

  init(
    _ spec: Spec, rootfs: String, noPivot: Bool, namespaces: NamespacePlan
  ) throws(RuntimeError) {
    self.spec = spec
    path = rootfs
    self.noPivot = noPivot
    let isUnprivileged = namespaces.has(.user)
    inUserNamespace = isUnprivileged
    hasNetworkNamespace = namespaces.isNew(.network)
    hasCgroupNamespace = namespaces.has(.cgroup)
    var entries: [Entry] = []
    for (index, mount) in spec.mounts.enumerated() {
      entries.append(try Self.entry(mount, "mounts[\(index)]", opensSource: isUnprivileged))
    }
    self.entries = entries
    tree = isUnprivileged ? try Self.cloneForUserNamespace(rootfs, "root.path", true) : nil
    devices = DevicePlan(spec.linux.devices)
  }

  private static func entry(
    _ mount: Spec.Mount, _ name: String, opensSource: Bool
  ) throws(RuntimeError) -> Entry {
    var options = MountOptions(mount.options)
    let isBind = options.isBind || mount.type == "bind"
    let source = mount.source ?? ""
    if isBind && source.isEmpty {
      throw RuntimeError("\(name): source: is missing", advice: "a bind mount needs a source")
    }
    // A mapping without the option asks for one as well (config.md, "idmap").
    if !mount.uidMappings.isEmpty && !options.isIDMapped { options.isIDMapped = true }
    var tree: SharedDescriptor? = nil
    if isBind && (opensSource || options.isIDMapped) {
      tree = try cloneForUserNamespace(
        source, name, options.isRecursiveBind, keepsSymlink: options.keepsSymlink)
    }
    if options.isIDMapped {
      guard isBind, let tree else {
        throw RuntimeError("\(name): idmap: only bind mounts can be id-mapped")
      }
      let namespace = try IDMapNamespace.make(
        IDMappings(uids: mount.uidMappings, gids: mount.gidMappings), name)
      try step("\(name): idmap", advice: "the file system must support id-mapped mounts") {
        () throws(SystemError) in
        try MountTree.setAttributes(
          tree.rawValue, set: UInt(CL_MOUNT_ATTR_IDMAP), userNamespace: namespace.rawValue,
          recursive: options.isIDMappedRecursively, source)
      }
    }
    return Entry(
      name: name, destination: mount.destination, type: isBind ? "bind" : mount.type ?? "none",
      source: source, options: options, tree: tree)
  }

  /// Clones a host tree with the runtime's rights. It must not stay a peer of the host's mount:
  /// what is mounted below it in the container would appear on the host.
  private static func cloneForUserNamespace(
    _ path: String, _ name: String, _ recursive: Bool, keepsSymlink: Bool = false
  ) throws(RuntimeError) -> SharedDescriptor {
    do {
      let tree = try MountTree.clone(
        path, recursive: recursive, flags: keepsSymlink ? AT_SYMLINK_NOFOLLOW : 0)
      try tree.setAttributes(
        set: 0, propagation: UInt(CL_MS_SLAVE), recursive: recursive, path)
      return SharedDescriptor(try tree.descriptor.duplicate())
    } catch {
      if error.errno == EPERM && geteuid() != 0 { return try openForClone(path, name) }
      throw sourceFault(name, path, error)
    }
  }

  /// Without privileges a tree can be cloned in the container's mount namespace only: the
  /// descriptor says from where.
  private static func openForClone(
    _ path: String, _ name: String
  ) throws(RuntimeError) -> SharedDescriptor {
    do {
      return SharedDescriptor(try FileDescriptor.open(path, O_PATH))
    } catch {
      throw sourceFault(name, path, error)
    }
  }

  static func sourceFault(_ name: String, _ path: String, _ error: SystemError) -> RuntimeError {
    error.errno == ENOENT
      ? RuntimeError(
        "\(name): source \(path) does not exist", advice: "bind mount needs an existing source")
      : RuntimeError("\(name): source \(path)", error)
  }
}
