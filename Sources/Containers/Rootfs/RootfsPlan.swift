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
  /// Whether the process is not the host's root: it cannot make device nodes.
  let inUserNamespace: Bool
  let hasNetworkNamespace: Bool
  let hasCgroupNamespace: Bool
  /// /dev/null of the host, checked to be that device (CVE-2025-31133).
  let null: SharedDescriptor
  /// Device nodes to bind where none can be made, by name below /dev.
  var hostDevices: [String: SharedDescriptor] = [:]

  init(
    _ spec: Spec, rootfs: String, noPivot: Bool, namespaces: NamespacePlan
  ) throws(RuntimeError) {
    self.spec = spec
    path = rootfs
    self.noPivot = noPivot
    inUserNamespace = namespaces.has(.user)
    hasNetworkNamespace = namespaces.has(.network)
    hasCgroupNamespace = namespaces.has(.cgroup)
    var entries: [Entry] = []
    for (index, mount) in spec.mounts.enumerated() {
      entries.append(
        try Self.entry(mount, "mounts[\(index)]", opensSource: namespaces.has(.user)))
    }
    self.entries = entries
    tree = nil
    null = try step("/dev/null of the host") { () throws(SystemError) in
      let descriptor = try FileDescriptor.open("/dev/null", O_PATH | O_NOFOLLOW)
      let status = try descriptor.status()
      guard status.st_mode & mode_t(S_IFMT) == mode_t(S_IFCHR),
        status.st_rdev == cl_makedev(1, 3)
      else { throw SystemError(ENODEV, "fstat", "/dev/null") }
      return SharedDescriptor(descriptor)
    }
  }

  private static func entry(
    _ mount: Spec.Mount, _ name: String, opensSource: Bool
  ) throws(RuntimeError) -> Entry {
    let options = MountOptions(mount.options)
    let isBind = options.isBind || mount.type == "bind"
    return Entry(
      name: name, destination: mount.destination, type: isBind ? "bind" : mount.type ?? "none",
      source: mount.source ?? "", options: options, tree: nil)
  }
}
