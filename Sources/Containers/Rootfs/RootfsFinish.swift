internal import CLinux
internal import Linux
internal import OCISpec

extension RootfsBuilder {
  /// What is done once the old root is gone: masks, read-only places, the root's own flags.
  func finish() throws(RuntimeError) {
    for path in plan.spec.linux.readonlyPaths {
      try step("linux.readonlyPaths: \(path)") { () throws(SystemError) in
        guard let target = try paths.open(path) else { return }
        let tree = try MountTree.clone(
          "", at: DirectoryReference(target), recursive: true, flags: AT_EMPTY_PATH)
        try tree.setAttributes(set: UInt(CL_MOUNT_ATTR_RDONLY), path)
        try tree.attach(to: target.rawValue, path)
      }
    }
    for path in plan.spec.linux.maskedPaths {
      try step("linux.maskedPaths: \(path)") { () throws(SystemError) in
        guard let target = try paths.open(path) else { return }
        if try target.status().isDirectory {
          try emptyMask().cover(target, path)
        } else {
          try nullMask().cover(target, path)
        }
      }
    }
    try setRootFlags()
  }

  private func setRootFlags() throws(RuntimeError) {
    if plan.spec.root?.readonly == true {
      try step("root.readonly") { () throws(SystemError) in
        try MountTree.setAttributes(root.rawValue, set: UInt(CL_MOUNT_ATTR_RDONLY), "/")
      }
    }
    guard let propagation = plan.spec.linux.rootfsPropagation else { return }
    let (flag, recursive): (UInt, Bool) =
      switch propagation {
      case .shared: (UInt(CL_MS_SHARED), false)
      case .rshared: (UInt(CL_MS_SHARED), true)
      case .slave: (UInt(CL_MS_SLAVE), false)
      case .rslave: (UInt(CL_MS_SLAVE), true)
      case .private: (UInt(CL_MS_PRIVATE), false)
      case .rprivate: (UInt(CL_MS_PRIVATE), true)
      case .unbindable: (UInt(CL_MS_UNBINDABLE), false)
      case .runbindable: (UInt(CL_MS_UNBINDABLE), true)
      }
    try step("linux.rootfsPropagation: \(propagation.rawValue)") { () throws(SystemError) in
      try MountTree.setAttributes(
        root.rawValue, set: 0, propagation: flag, recursive: recursive, "/")
    }
  }

  /// Writes `linux.sysctl` through a procfs of our own, that nothing in the container can have
  /// touched (CVE-2019-16884, CVE-2019-19921, CVE-2025-52881).
  func writeSysctls() throws(RuntimeError) {
    let sysctls = plan.spec.linux.sysctl
    if sysctls.isEmpty { return }
    let proc = try step("linux.sysctl", advice: "a private procfs is needed") {
      () throws(SystemError) in
      let context = try FilesystemContext("proc")
      let tree = try context.mount(attributes: 0)
      return SharedDescriptor(
        try RootfsPath.open(tree.descriptor.rawValue, "sys", O_PATH | O_DIRECTORY))
    }
    for (name, value) in sysctls.sorted(by: { $0.key < $1.key }) {
      guard let path = Spec.Linux.Sysctl(name)?.components.joined(separator: "/") else {
        throw RuntimeError("linux.sysctl: \(name): is no sysctl of a namespace")
      }
      do throws(SystemError) {
        let file = FileDescriptor(
          owning: try system("openat2", path) {
            unsafe cl_openat2(
              proc.rawValue, path, UInt64(O_WRONLY | O_CLOEXEC), 0,
              UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV))
          })
        try file.write(value, path)
      } catch {
        throw RuntimeError(
          "linux.sysctl: \(name)=\(value)", error,
          advice: error.errno == EROFS || error.errno == EACCES
            ? "it is not writable in this container's namespaces" : nil)
      }
    }
  }
}
