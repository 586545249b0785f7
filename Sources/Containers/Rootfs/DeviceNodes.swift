internal import CLinux
internal import Linux

/// Makes the device nodes and the links of /dev.
struct DeviceNodes {
  private let builder: RootfsBuilder
  private var plan: RootfsPlan { builder.plan }

  init(_ builder: RootfsBuilder) { self.builder = builder }

  /// With a bind mount on /dev everything in it is the host's, and stays as it is.
  func make() throws(RuntimeError) {
    if !builder.devices.isOpen {
      builder.devices = try step("/dev") { () throws(SystemError) in
        // Whatever links lead there: from here on it is this directory (CVE-2026-41579).
        SharedDescriptor(try builder.root.make("dev", isDirectory: true))
      }
    }
    if isBound { return }
    for node in plan.devices.defaults { try make(node, nil) }
    for (index, node) in plan.devices.configured.enumerated() { try make(node, index) }
    try step("/dev") { () throws(SystemError) in try makeLinks() }
  }

  private var isBound: Bool {
    guard let last = plan.entries.last(where: { $0.destination == "dev" }) else { return false }
    if case .bind = last.kind { return true }
    return false
  }

  private var isOwn: Bool { builder.ownDirectories.contains { $0.path == "dev" } }

  /// `index` is that in `linux.devices`.
  private func make(_ node: DevicePlan.Node, _ index: Int?) throws(RuntimeError) {
    do {
      let (parent, name) = RootPath.split(node.path)
      if parent == "dev" {
        try make(node, index, name, in: builder.devices.rawValue)
      } else if RootPath.isBelowOrEqual(parent, "dev") {
        let below = RootDirectory(descriptor: builder.devices.rawValue)
        let directory = try below.make(String(parent.dropFirst(4)), isDirectory: true)
        try make(node, index, name, in: directory.rawValue)
      } else {
        let directory = try builder.root.make(parent, isDirectory: true)
        try make(node, index, name, in: directory.rawValue)
      }
    } catch {
      throw RuntimeError(
        "\(index.map { "linux.devices[\($0)]: " } ?? "")/\(node.path)", error,
        advice: Self.advice(error))
    }
  }

  private static func advice(_ error: SystemError) -> String? {
    switch error.errno {
    case EROFS: "mount a tmpfs on /dev"
    case ENODEV, ENOENT:
      "a container that may not make device nodes gets the host's, which has to have this one"
    default: nil
    }
  }

  private func make(
    _ node: DevicePlan.Node, _ index: Int?, _ name: String, in directory: CInt
  ) throws(SystemError) {
    let isDevice = node.fileType != mode_t(S_IFIFO)
    if isDevice, plan.surroundings.hasUserNamespace {
      return try bind(node, index, name, in: directory)
    }
    let result = unsafe cl_mknodat(
      directory, name, node.fileType | node.permissions, node.number)
    switch -result {
    case 0: break
    case EEXIST:
      // One that the image brings is as good when it is the same.
      if try isSame(node, name, in: directory) { return }
      return try bind(node, index, name, in: directory)
    case EPERM where isDevice && plan.surroundings.hasMountNamespace:
      return try bind(node, index, name, in: directory)
    default: try system("mknod", name) { result }
    }
    // In a directory of the image its mode or its default ACL may have had a say.
    if index == nil, isOwn { return }
    try system("chown", name) {
      unsafe cl_fchownat(directory, name, node.uid, node.gid, AT_SYMLINK_NOFOLLOW)
    }
    let made = try FileDescriptor.open(
      name, O_PATH | O_NOFOLLOW, at: DirectoryReference(rawValue: directory))
    let status = try made.status()
    if status.st_mode & 0o7777 == node.permissions { return }
    if status.st_mode & mode_t(S_IFMT) != node.fileType {
      throw SystemError(EEXIST, "mknod", name)
    }
    // By descriptor: fchmodat would follow a link that took its place.
    try system("chmod", name) { cl_chmod_descriptor(made.rawValue, node.permissions) }
  }

  private func isSame(
    _ node: DevicePlan.Node, _ name: String, in directory: CInt
  ) throws(SystemError) -> Bool {
    let existing = try FileDescriptor.open(
      name, O_PATH | O_NOFOLLOW, at: DirectoryReference(rawValue: directory))
    let status = try existing.status()
    return status.st_mode & mode_t(S_IFMT) == node.fileType
      && (node.fileType == mode_t(S_IFIFO) || status.st_rdev == node.number)
  }

  /// The host's node, or the one that the runtime has made for this container, by descriptor.
  private func bind(
    _ node: DevicePlan.Node, _ index: Int?, _ name: String, in directory: CInt
  ) throws(SystemError) {
    let tree: MountTree
    if let index, let nodes = plan.nodes {
      tree = try MountTree.clone(
        String(index), at: DirectoryReference(rawValue: nodes.rawValue), recursive: false)
    } else {
      let device = try DeviceFile.open(
        "/" + node.path, type: node.fileType, number: node.number)
      tree = try MountTree.clone(of: device.rawValue, recursive: false, node.path)
    }
    try tree.attach(to: try Self.openFile(name, in: directory), node.path)
  }

  /// A file to mount on: an empty one, or what is there already unless it is a link or a
  /// directory.
  static func openFile(_ name: String, in directory: CInt) throws(SystemError) -> FileDescriptor {
    let reference = DirectoryReference(rawValue: directory)
    do {
      return try FileDescriptor.open(
        name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o644, at: reference)
    } catch {
      guard error.errno == EEXIST else { throw error }
    }
    let existing = try FileDescriptor.open(name, O_PATH | O_NOFOLLOW, at: reference)
    let type = try existing.status().st_mode & mode_t(S_IFMT)
    if type == mode_t(S_IFLNK) { throw SystemError(ELOOP, "open", name) }
    if type == mode_t(S_IFDIR) { throw SystemError(EISDIR, "open", name) }
    return existing
  }

  private static let links: [(name: String, target: String)] = [
    ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
  ]

  private func makeLinks() throws(SystemError) {
    let directory = builder.devices.rawValue
    for (name, target) in Self.links { try link(name, to: target, in: directory) }
    if File.exists("/proc/kcore") { try link("core", to: "/proc/kcore", in: directory) }
  }

  private func link(
    _ name: String, to target: String, in directory: CInt
  ) throws(SystemError) {
    let result = unsafe cl_symlinkat(target, directory, name)
    // What the image or the configuration brings stays; but not a ptmx, which would be that of
    // another devpts.
    if result == -EEXIST {
      let isConfigured = plan.devices.configured.contains { $0.path == "dev/" + name }
      if name != "ptmx" || isConfigured { return }
      let reference = DirectoryReference(rawValue: directory)
      if (try? File.readLink(name, at: reference)) == target { return }
      try system("unlink", name) { unsafe cl_unlinkat(directory, name, 0) }
      try system("symlink", name) { unsafe cl_symlinkat(target, directory, name) }
      return
    }
    try system("symlink", name) { result }
  }
}
