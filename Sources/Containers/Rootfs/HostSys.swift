internal import CLinux
internal import Linux

/// The host's /sys in the place of a sysfs that cannot be mounted: its content belongs to a
/// network namespace over which a user namespace has no rights.
struct HostSys {
  private let builder: RootfsBuilder
  private let entry: RootfsPlan.Entry

  init(_ builder: RootfsBuilder, _ entry: RootfsPlan.Entry) {
    self.builder = builder
    self.entry = entry
  }

  /// Binds /sys with all below it, read-only throughout: the host's cgroups are there
  /// (CVE-2023-25809).
  func make(_ target: borrowing MountTarget) throws(RuntimeError) {
    var options = entry.options
    options.isRecursiveBind = true
    options.recursiveAttributes.apply(.readOnly, isSet: true)
    let tree = try BindMount.clone("/sys", options)
    try tree.changeAll(options)
    try builder.attach(tree, target, at: entry.destination)
    let cgroups = entry.destination + "/fs/cgroup"
    // Hidden as well, unless a mount of its own comes there.
    if !builder.plan.entries.contains(where: { RootPath.isBelowOrEqual($0.destination, cgroups) }) {
      try builder.masks.hide(cgroups, builder.root)
    }
  }

  /// Whether a bind mount shows the host's cgroups to somebody whom only `ro` keeps from writing
  /// to them: who has no rights over them on the host may have been delegated some.
  static func needsRecursiveRestriction(
    _ entry: RootfsPlan.Entry, _ surroundings: RootfsPlan.Surroundings
  ) -> Bool {
    guard case .bind(let source) = entry.kind, entry.options.isRecursiveBind,
      entry.options.isReadOnly, RootPath.isBelowOrEqual(RootPath.cleaned(source), "sys")
    else { return false }
    return surroundings.hasUserNamespace || isInUserNamespace
  }

  /// Whether the runtime itself is confined to a user namespace, as under rootless engines.
  private static var isInUserNamespace: Bool {
    guard let map = try? File.readText("/proc/self/uid_map") else { return true }
    return !map.split(whereSeparator: { $0 == " " || $0 == "\n" })
      .elementsEqual(["0", "0", "4294967295"])
  }
}

extension MountTree {
  /// The host's flags stay; those of the options come on top.
  fileprivate func changeAll(_ options: MountOptions) throws(RuntimeError) {
    try options.apply(to: self, isRecursive: true, "/sys")
  }
}
