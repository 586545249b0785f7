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
    /// `bind` for every bind mount.
    let type: String
    let source: String
    let options: MountOptions
    let tree: SourceTree?
  }

  let spec: Spec
  let path: String
  let noPivot: Bool
  let entries: [Entry]
  /// The root file system's tree, when the process could not reach it: in a user namespace.
  let tree: SourceTree?
  let devices: DevicePlan
  /// Whether device nodes have to be bound from the host, for none can be made.
  let inUserNamespace: Bool
  /// The context for new file systems, from linux.mountLabel.
  let mountLabel: String?
  let hasNetworkNamespace: Bool
  let hasCgroupNamespace: Bool

  init(
    _ spec: Spec, rootfs: String, noPivot: Bool, namespaces: NamespacePlan
  ) throws(RuntimeError) {
    self.spec = spec
    path = rootfs
    self.noPivot = noPivot
    let inUserNamespace = namespaces.has(.user)
    // Without privileges on the host the process can reach what the caller can, for it has the
    // caller's id; and a clone has to be made in its own mount namespace.
    let opensSource = inUserNamespace && geteuid() == 0
    self.inUserNamespace = inUserNamespace
    hasNetworkNamespace = namespaces.isNew(.network)
    hasCgroupNamespace = namespaces.has(.cgroup)
    mountLabel = spec.linux.mountLabel
    if let mountLabel, !File.exists("/sys/fs/selinux/enforce") {
      throw RuntimeError(
        "linux.mountLabel: \(mountLabel): SELinux is not enabled on this host",
        advice: "remove linux.mountLabel from the configuration")
    }
    var entries: [Entry] = []
    for (index, mount) in spec.mounts.enumerated() {
      entries.append(
        try Self.entry(mount, "mounts[\(index)]", spec.linux, opensSource: opensSource))
    }
    self.entries = entries
    tree =
      opensSource
      ? try SourceTree(rootfs, "root.path", recursive: true, keepsSymlink: false) : nil
    devices = DevicePlan(spec.linux.devices)
    for path in spec.linux.maskedPaths + spec.linux.readonlyPaths where !path.hasPrefix("/") {
      throw RuntimeError("config.json: \(path): masked and read-only paths must be absolute")
    }
  }

  private static func entry(
    _ mount: Spec.Mount, _ name: String, _ linux: Spec.Linux, opensSource: Bool
  ) throws(RuntimeError) -> Entry {
    var options = MountOptions(mount.options)
    let isBind = options.isBind || mount.type == "bind"
    let source = mount.source ?? ""
    if isBind && source.isEmpty {
      throw RuntimeError("\(name): source: is missing", advice: "a bind mount needs a source")
    }
    // A map without the option asks for one as well (config.md, "uidMappings").
    if !mount.uidMappings.isEmpty { options.isIDMapped = true }
    if options.copiesUp && mount.type != "tmpfs" {
      throw RuntimeError("\(name): tmpcopyup: only a tmpfs can take a copy")
    }
    var tree: SourceTree? = nil
    if isBind && (opensSource || (options.isIDMapped && geteuid() == 0)) {
      tree = try SourceTree(
        source, name, recursive: options.isRecursiveBind, keepsSymlink: options.keepsSymlink)
    }
    if options.isIDMapped && geteuid() != 0 {
      throw RuntimeError("\(name): idmap: id-mapped mounts need privileges on the host")
    }
    if options.isIDMapped {
      guard let tree else { throw RuntimeError("\(name): idmap: only a bind mount can have it") }
      try tree.mapIDs(
        try IDMapNamespace.make(
          try MountIDMap.mappings(mount, options.mapping, container: linux, name), name),
        recursive: options.isIDMappedRecursively, name)
    }
    return Entry(
      name: name, destination: mount.destination, type: isBind ? "bind" : mount.type ?? "none",
      source: source, options: options, tree: tree)
  }
}
