internal import CLinux
internal import Linux
internal import OCISpec

extension RootfsBuilder {
  /// Makes the device nodes and the links of /dev; a /dev that the configuration binds from the
  /// host is left as it is.
  func makeDevices() throws(RuntimeError) {
    let isHosts = plan.entries.contains {
      $0.type == "bind" && $0.destination.split(separator: "/") == ["dev"]
    }
    if isHosts { return }
    let directory = try step("/dev") { () throws(SystemError) in
      // Once: whatever the image has at /dev, all of it goes into this directory (CVE-2026-41579).
      SharedDescriptor(try paths.openOrMake("/dev", .directory))
    }
    for node in plan.devices.nodes {
      do throws(SystemError) {
        try make(node, directory.rawValue)
      } catch {
        throw RuntimeError("device \(node.path)", error)
      }
    }
    try step("/dev") { () throws(SystemError) in try makeLinks(directory.rawValue) }
    devices = directory
  }

  private func make(_ node: DevicePlan.Node, _ dev: CInt) throws(SystemError) {
    let (parent, name) = try place(node.path, dev)
    if plan.inUserNamespace && node.kind != .fifo {
      return try bind(node, parent.rawValue, name)
    }
    let result = unsafe cl_mknodat(
      parent.rawValue, name, node.fileType | node.mode, node.number)
    if result == -EPERM { return try bind(node, parent.rawValue, name) }
    if result == -EEXIST {
      // The image's own node serves when it is the same device.
      var status = stat()
      try system("fstatat", node.path) {
        unsafe cl_fstatat(parent.rawValue, name, &status, AT_SYMLINK_NOFOLLOW)
      }
      guard status.type == node.fileType, status.st_rdev == node.number else {
        throw SystemError(EEXIST, "mknod", node.path)
      }
    } else if result < 0 {
      throw SystemError(-result, "mknod", node.path)
    }
    // The umask has taken bits away. By descriptor: the name may be another's by now.
    let made = try FileDescriptor.open(
      name, O_PATH | O_NOFOLLOW, at: DirectoryReference(rawValue: parent.rawValue))
    guard try made.status().type == node.fileType else {
      throw SystemError(EAGAIN, "mknod", node.path)
    }
    try system("fchmodat2", node.path) { cl_chmod_descriptor(made.rawValue, node.mode) }
    if node.uid != 0 || node.gid != 0 || result == -EEXIST {
      try system("fchown", node.path) {
        unsafe cl_fchownat(made.rawValue, "", node.uid, node.gid, AT_EMPTY_PATH)
      }
    }
  }

  /// The directory and the name of a node: below the one /dev, or elsewhere in the root.
  private func place(
    _ path: String, _ dev: CInt
  ) throws(SystemError) -> (SharedDescriptor, String) {
    var names = path.split(separator: "/").map(String.init)
    guard let name = names.popLast(), name != "..", name != "." else {
      throw SystemError(EINVAL, "mknod", path)
    }
    if names.first == "dev" {
      let below = names.dropFirst().joined(separator: "/")
      if below.isEmpty {
        return (
          SharedDescriptor(
            FileDescriptor(owning: try system("dup", "/dev") { cl_dup(dev) })), name
        )
      }
      return (
        SharedDescriptor(try RootfsPath(root: dev).openOrMake(below, .directory)), name
      )
    }
    let parent = names.isEmpty ? "/" : names.joined(separator: "/")
    return (SharedDescriptor(try paths.openOrMake(parent, .directory)), name)
  }

  /// Binds the host's node where none can be made.
  private func bind(_ node: DevicePlan.Node, _ parent: CInt, _ name: String) throws(SystemError) {
    let host = try FileDescriptor.open(node.path, O_PATH | O_NOFOLLOW)
    let status = try host.status()
    guard status.type == node.fileType, status.st_rdev == node.number else {
      throw SystemError(ENODEV, "the host's node is another device", node.path)
    }
    let target = try RootfsPath(root: parent).openOrMake(name, .file)
    let tree = try MountTree.clone(
      "", at: DirectoryReference(host), recursive: false, flags: AT_EMPTY_PATH)
    try tree.attach(to: target.rawValue, node.path)
  }

  private func makeLinks(_ dev: CInt) throws(SystemError) {
    try link("fd", to: "/proc/self/fd", dev)
    try link("stdin", to: "/proc/self/fd/0", dev)
    try link("stdout", to: "/proc/self/fd/1", dev)
    try link("stderr", to: "/proc/self/fd/2", dev)
    // With a devpts of the container's own the multiplexer is the one in it.
    if plan.entries.contains(where: { $0.type == "devpts" }) {
      _ = unsafe cl_unlinkat(dev, "ptmx", 0)
      try link("ptmx", to: "pts/ptmx", dev)
    }
    if File.exists("/proc/kcore") { try link("core", to: "/proc/kcore", dev) }
  }

  private func link(_ name: String, to target: String, _ dev: CInt) throws(SystemError) {
    let result = unsafe cl_symlinkat(target, dev, name)
    if result < 0 && result != -EEXIST { throw SystemError(-result, "symlink", "/dev/" + name) }
  }
}
