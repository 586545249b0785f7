internal import CLinux
internal import Linux
internal import OCISpec

/// Makes the container's file system in the process that lives in it.
///
/// The order: `mountAll` while the host is still there, `enter`, `finish`. The root is a tree of
/// its own on top of the old root until `enter`; it is reached by descriptor only.
final class RootfsBuilder {
  let plan: RootfsPlan
  /// The container's root directory.
  private(set) var root = SharedDescriptor.closed
  /// The container's /dev, resolved once (CVE-2026-41579).
  var devices = SharedDescriptor.closed
  /// One empty read-only directory that covers every masked one.
  private var emptyDirectory: MaskSource?
  /// The container's null device, which covers every masked file.
  private var null: MaskSource?
  /// The container's cgroup in each hierarchy, known when that is made.
  var cgroups: [String: String] = [:]

  init(_ plan: RootfsPlan) { self.plan = plan }

  var paths: RootfsPath { RootfsPath(root: root.rawValue) }

  /// Mounts everything of the configuration below the new root.
  func mountAll() throws(RuntimeError) {
    try separate()
    try attachRoot()
    for entry in plan.entries { try MountStep(builder: self, entry: entry).run() }
    try makeDevices()
    try writeSysctls()
  }

  /// Nothing that is mounted here must reach the host; with a shared root the host's mounts are
  /// still meant to be peers, but for the one that the new root stands on.
  private func separate() throws(RuntimeError) {
    let propagation = plan.spec.linux.rootfsPropagation ?? .rslave
    let flags =
      switch propagation {
      case .shared, .rshared: UInt(0)
      case .slave, .rslave: UInt(CL_MS_SLAVE | CL_MS_REC)
      case .private, .rprivate, .unbindable, .runbindable: UInt(CL_MS_PRIVATE | CL_MS_REC)
      }
    try step("propagation of the host's mounts") { () throws(SystemError) in
      try system("mount", "/") {
        unsafe cl_mount(nil, "/", nil, flags == 0 ? UInt(CL_MS_PRIVATE) : flags, nil)
      }
    }
  }

  private func attachRoot() throws(RuntimeError) {
    try step("root.path \(plan.path)") { () throws(SystemError) in
      let tree = try rootTree()
      let old = try FileDescriptor.open("/", O_PATH | O_DIRECTORY)
      // On top of the old root: no path to the bundle has to be walked again, and the place is
      // the same for every bundle. Absolute paths of this process still lead to the old root.
      try tree.attach(to: old.rawValue, plan.path)
      root = SharedDescriptor(try tree.descriptor.duplicate())
    }
  }

  private func rootTree() throws(SystemError) -> MountTree {
    if let tree = plan.tree { return try tree.take() }
    return try MountTree.clone(plan.path, recursive: true)
  }

  /// Turns the new root into the process's root and lets the old one go.
  func enter() throws(RuntimeError) {
    try step("pivot_root", advice: "on a ramfs root use --no-pivot") { () throws(SystemError) in
      try system("fchdir", plan.path) { cl_fchdir(root.rawValue) }
      if plan.noPivot {
        // The tree stands on the old root already, as after MS_MOVE: what is left is to enter it.
        try system("chroot", ".") { unsafe cl_chroot(".") }
      } else {
        try system("pivot_root", plan.path) { unsafe cl_pivot_root(".", ".") }
        // "." is the old root now, stacked on the new one.
        try system("umount2", "the old root") {
          unsafe cl_umount2(".", CInt(CL_MNT_DETACH))
        }
      }
      try system("chdir", "/") { unsafe cl_chdir("/") }
    }
  }

  /// The null device: of the container, checked to be that device (CVE-2025-31133).
  func nullMask() throws(SystemError) -> MaskSource {
    if let null { return null }
    let descriptor = try RootfsPath.open(root.rawValue, "/dev/null", O_PATH | O_NOFOLLOW)
    let status = try descriptor.status()
    guard status.isCharacterDevice, status.st_rdev == cl_makedev(1, 3) else {
      throw SystemError(ENODEV, "fstat", "/dev/null")
    }
    let made = MaskSource(
      try MountTree.clone(
        "", at: DirectoryReference(descriptor), recursive: false, flags: AT_EMPTY_PATH))
    null = made
    return made
  }

  /// The one empty directory, made when the first path needs it.
  func emptyMask() throws(SystemError) -> MaskSource {
    if let emptyDirectory { return emptyDirectory }
    let context = try FilesystemContext("tmpfs")
    try context.set("source", "tmpfs")
    try context.set(flag: "ro")
    let made = MaskSource(try context.mount(attributes: UInt(CL_MOUNT_ATTR_RDONLY)))
    emptyDirectory = made
    return made
  }
}
