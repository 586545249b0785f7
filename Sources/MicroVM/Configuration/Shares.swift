internal import CLinux
internal import Isolation
internal import Linux
internal import MachinePlan
internal import OCISpec

/// The host's directories and files that the guest sees, and the configuration that finds them
/// there: the root file system, and the source of each bind mount.
struct Shares {
  /// One share: a detached copy of the mounts at its source, which nothing can be added to.
  struct Share {
    let name: String
    let tree: SharedDescriptor
    let isReadOnly: Bool
  }

  /// Where the agent mounts the shared tree.
  static let guestPath = "/run/swrun/shares"

  private(set) var shares: [Share] = []
  /// The configuration with every path of the host replaced by the guest's.
  private(set) var spec: Spec

  init(_ bundle: Bundle) throws(RuntimeError) {
    spec = bundle.spec
    let readOnly = spec.root?.readonly ?? false
    try add(
      MachinePlan.Share.rootName, bundle.rootfs, recursive: true, readOnly: readOnly, "root.path")
    spec.root?.path = Self.guestPath + "/" + MachinePlan.Share.rootName
    for index in spec.mounts.indices {
      try addBind(index, relativeTo: bundle.path)
    }
    // A createContainer hook is found on the host and runs in the container's namespaces: in the
    // guest, where its file is shared alone.
    for index in spec.hooks.createContainer.indices {
      let hook = spec.hooks.createContainer[index]
      let name = "hooks.createContainer[\(index)]"
      spec.hooks.createContainer[index].path = try addNext(
        hook.path, recursive: false, readOnly: true, follows: true, name)
    }
    // These run on the host.
    spec.hooks.prestart = []
    spec.hooks.createRuntime = []
    spec.hooks.poststart = []
    spec.hooks.poststop = []
  }

  private mutating func addBind(_ index: Int, relativeTo bundle: String) throws(RuntimeError) {
    let mount = spec.mounts[index]
    let recursive = mount.options.contains("rbind")
    let isRemount = mount.options.contains("remount")
    let isBind = recursive || mount.options.contains("bind") || mount.type == "bind"
    guard isBind, !isRemount else { return }
    guard let source = mount.source, !source.isEmpty else {
      throw RuntimeError(
        "mounts[\(index)].source: is missing", advice: "a bind mount needs an existing source")
    }
    let readOnly = mount.options.reduce(false) { before, option in
      switch option {
      case "ro", "rro": true
      case "rw", "rrw": false
      default: before
      }
    }
    spec.mounts[index].source = try addNext(
      source.hasPrefix("/") ? source : bundle + "/" + source, recursive: recursive,
      readOnly: readOnly, follows: !mount.options.contains("src-nofollow"), "mounts[\(index)]")
  }

  /// The path in the guest.
  private mutating func addNext(
    _ source: String, recursive: Bool, readOnly: Bool, follows: Bool, _ field: String
  ) throws(RuntimeError) -> String {
    let name = String(shares.count - 1)
    try add(name, source, recursive: recursive, readOnly: readOnly, follows: follows, field)
    return Self.guestPath + "/" + name
  }

  private mutating func add(
    _ name: String, _ source: String, recursive: Bool, readOnly: Bool, follows: Bool = true,
    _ field: String
  ) throws(RuntimeError) {
    // Private: what the host mounts below it later does not appear in the guest's share. The rest
    // is what a file server needs least: it opens no device, and executes nothing.
    var flags: MountAttributes = [.noDevices, .noSUID]
    // Mount points are made in the root first: the VMM's file server seals that one later.
    if readOnly && name != MachinePlan.Share.rootName { flags.insert(.readOnly) }
    let tree: SharedDescriptor
    do {
      let copy = try MountTree.clone(source, recursive: recursive, follows: follows)
      try copy.change(set: flags, propagation: .private, recursive: recursive, source)
      tree = SharedDescriptor(copy.intoDescriptor())
    } catch {
      throw Self.failure(error, source, field)
    }
    shares.append(
      Share(name: name, tree: tree, isReadOnly: readOnly))
  }

  private static func failure(
    _ error: SystemError, _ source: String, _ field: String
  ) -> RuntimeError {
    if error.errno == ENOENT {
      return RuntimeError(
        "\(field): source \(source) does not exist", advice: "a bind mount needs an existing source"
      )
    }
    return RuntimeError(
      "\(field): share of \(source)", error,
      advice: error.errno == EPERM ? "a VM needs the privileges of root" : nil)
  }
}
