internal import CLinux
internal import Linux
internal import OCISpec

/// Where the new root lies until it is the root, and how it becomes that.
struct RootPlacement {
  private let plan: RootfsPlan

  init(_ plan: RootfsPlan) { self.plan = plan }

  /// Puts the root file system, as a mount of its own, where no mount below it can reach the host.
  func place(_ builder: RootfsBuilder) throws(RuntimeError) {
    switch plan.propagation {
    case .none, .slave, .rslave: try separate(CL_MS_SLAVE)
    case .private, .rprivate, .unbindable, .runbindable: try separate(CL_MS_PRIVATE)
    case .shared, .rshared:
      if isPeerOfHost { return try placeShared(builder) }
      try separate(CL_MS_SLAVE)
    }
    do {
      if let nodes = plan.nodes {
        // Below the new root: seen by this process alone, and gone with the old root.
        try MountTree.attach(nodes.rawValue, to: "/", in: AT_FDCWD, "device nodes")
      }
      let tree = try rootTree()
      // On top of the old root: no path to the bundle has to be walked again, and the mount it
      // lies on is known not to be shared.
      try tree.attach(to: "/", in: AT_FDCWD, plan.path)
      builder.adoptRoot(tree.intoDescriptor())
    } catch {
      throw fault(error)
    }
  }

  /// Whether mounts of this process reach the host until the old root is gone. The mounts of a user
  /// namespace are slaves of the host's at best, and without pivot_root the old root stays.
  private var isPeerOfHost: Bool {
    (plan.propagation == .shared || plan.propagation == .rshared)
      && !plan.surroundings.hasUserNamespace && !plan.surroundings.noPivot
  }

  private func separate(_ propagation: UInt) throws(RuntimeError) {
    try step("linux.rootfsPropagation", advice: "the mount namespace must be the container's own") {
      () throws(SystemError) in
      try system("mount", "/") {
        unsafe cl_mount(nil, "/", nil, propagation | CL_MS_REC, nil)
      }
    }
  }

  private func rootTree() throws(SystemError) -> MountTree {
    if let descriptor = plan.tree?.take() {
      let tree = MountTree(owning: descriptor)
      if plan.propagation == .private || plan.propagation == .rprivate {
        try tree.change(propagation: .private, recursive: true, plan.path)
      }
      return tree
    }
    return try MountTree.clone(plan.path, recursive: true)
  }

  /// The host's mounts stay peers, for volumes through which mounts are to reach the host; but
  /// the one that the root lies on must not be (pivot_root(2)), nor those of the root itself.
  private func placeShared(_ builder: RootfsBuilder) throws(RuntimeError) {
    // Before the mount they may be on is made private.
    try builder.cloneSources()
    do {
      let directory = try FileDescriptor.open(plan.path, O_PATH | O_DIRECTORY)
      var mount = try directory.duplicate()
      while true {
        let isMountRoot = try system("statx", plan.path) { cl_is_mount_root(mount.rawValue) }
        if isMountRoot == 1 { break }
        mount = try FileDescriptor.open("..", O_PATH | O_DIRECTORY, at: DirectoryReference(mount))
      }
      try MountTree.change(mount.rawValue, propagation: .private, plan.path)
      let tree = try MountTree.clone(of: directory.rawValue, recursive: true, plan.path)
      try tree.change(propagation: .private, recursive: true, plan.path)
      try tree.attach(to: directory, plan.path)
      builder.adoptRoot(tree.intoDescriptor())
    } catch {
      throw fault(error)
    }
  }

  private func fault(_ error: SystemError) -> RuntimeError {
    switch error.errno {
    case ENOENT:
      RuntimeError(
        "root.path \(plan.path): does not exist",
        advice: "root.path must be the directory of the root file system")
    case ENOTDIR:
      RuntimeError(
        "root.path \(plan.path): is not a directory",
        advice: "root.path must be the directory of the root file system")
    default: RuntimeError("root.path \(plan.path)", error)
    }
  }

  /// Turns the new root into the process's root and lets the old one go.
  func enter(_ root: CInt) throws(RuntimeError) {
    try step("root.path \(plan.path)") { () throws(SystemError) in
      try system("fchdir", plan.path) { cl_fchdir(root) }
    }
    if !plan.surroundings.hasMountNamespace {
      try changeRoot()
    } else if plan.surroundings.noPivot {
      try hideHost(below: root)
      try changeRoot()
    } else {
      try step(
        "pivot_root \(plan.path)", advice: "where / is an initial ramfs, use --no-pivot"
      ) { () throws(SystemError) in try pivot() }
    }
    try step("root.path \(plan.path)") { () throws(SystemError) in
      try system("chdir", "/") { unsafe cl_chdir("/") }
    }
  }

  private func pivot() throws(SystemError) {
    let old = isPeerOfHost ? try FileDescriptor.open("/", O_PATH | O_DIRECTORY) : nil
    try system("pivot_root", ".") { unsafe cl_pivot_root(".", ".") }
    // Or the host would lose its mounts with this process.
    if let old { try MountTree.change(old.rawValue, propagation: .private, recursive: true, "/") }
    // "." is the old root now, stacked on the new one.
    try system("umount2", "the old root") { unsafe cl_umount2(".", CInt(CL_MNT_DETACH)) }
  }

  /// The new root lies on the old one already, as it would after MS_MOVE.
  private func changeRoot() throws(RuntimeError) {
    try step("root.path \(plan.path)") { () throws(SystemError) in
      try system("chroot", ".") { unsafe cl_chroot(".") }
    }
  }

  /// Without pivot_root the old root stays below: the kernel's own file systems in it would show
  /// a process that gets a mount namespace's full rights that it may mount them afresh.
  private func hideHost(below root: CInt) throws(RuntimeError) {
    let mounts = try step("--no-pivot") { () throws(SystemError) in
      let table = HostMount.parse(try File.read("/proc/self/mountinfo", limit: 256 << 20))
      var own: UInt64 = 0
      try system("statx", plan.path) { unsafe cl_mount_id(root, &own) }
      // The container's own are in the table as well, with paths that lead to the host's.
      return HostMount.outside(own, table)
    }
    // The last mounts first: one may lie on another.
    for mount in mounts.reversed() where mount.isOfKernel {
      do {
        try system("umount2", mount.path) {
          unsafe cl_umount2(mount.path, CInt(CL_MNT_DETACH | CL_UMOUNT_NOFOLLOW))
        }
      } catch {
        try step("--no-pivot: \(mount.path)") { () throws(SystemError) in
          try cover(mount, error)
        }
      }
    }
  }

  /// Hides what cannot be unmounted: it is locked by a user namespace, or it went with the mount
  /// that it was on.
  private func cover(_ mount: HostMount, _ error: SystemError) throws(SystemError) {
    guard error.errno == EINVAL || error.errno == EPERM else { throw error }
    // A part, which may be a file, gives no right to the whole; mostly it lies on that.
    if !mount.isWhole { return }
    do {
      try FilesystemContext("tmpfs").mount(.readOnly)
        .attach(to: mount.path, in: AT_FDCWD, mount.path)
    } catch {
      if error.errno != ENOENT { throw error }
    }
  }

  /// What the container's own mounts do with later ones (config-linux.md, "Rootfs Mount
  /// Propagation").
  func setPropagation(_ root: CInt) throws(RuntimeError) {
    let propagation: MountPropagation
    var isRecursive = false
    switch plan.propagation {
    // A clone of a slave is one, and a clone of a private mount is private.
    case .none, .slave, .rslave, .private, .rprivate: return
    case .shared: propagation = .shared
    case .unbindable: propagation = .unbindable
    case .rshared:
      propagation = .shared
      isRecursive = true
    case .runbindable:
      propagation = .unbindable
      isRecursive = true
    }
    try step("linux.rootfsPropagation") { () throws(SystemError) in
      try MountTree.change(root, propagation: propagation, recursive: isRecursive, "/")
    }
  }
}
