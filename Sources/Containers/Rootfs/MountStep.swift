internal import CLinux
internal import Linux
internal import OCISpec

/// Makes one mount of the configuration.
struct MountStep {
  let builder: RootfsBuilder
  let entry: RootfsPlan.Entry

  func run() throws(RuntimeError) {
    let options = entry.options
    do {
      let tree = try entry.type == "bind" ? bindTree() : filesystemTree()
      let kind: RootfsPath.Kind = try isDirectory(tree) ? .directory : .file
      let target = try builder.paths.openOrMake(entry.destination, kind)
      try tree.setAttributes(
        set: entry.type == "bind" ? options.set : 0, clear: options.clear,
        propagation: options.propagationIsRecursive ? 0 : options.propagation, entry.source)
      if options.recursiveSet | options.recursiveClear != 0 || options.propagationIsRecursive {
        try tree.setAttributes(
          set: options.recursiveSet, clear: options.recursiveClear,
          propagation: options.propagation, recursive: true, entry.source)
      }
      try tree.attach(to: target.rawValue, entry.destination)
    } catch {
      throw RuntimeError("\(entry.name): \(entry.destination)", error)
    }
  }

  private func isDirectory(_ tree: borrowing MountTree) throws(SystemError) -> Bool {
    try tree.descriptor.status().st_mode & mode_t(S_IFMT) == mode_t(S_IFDIR)
  }

  private func bindTree() throws(SystemError) -> MountTree {
    if let tree = entry.tree?.take() { return MountTree(owning: tree) }
    return try MountTree.clone(entry.source, recursive: entry.options.isRecursiveBind)
  }

  private func filesystemTree() throws(SystemError) -> MountTree {
    let type = entry.type == "cgroup" ? "cgroup2" : entry.type
    let context = try FilesystemContext(type)
    if !entry.source.isEmpty { try context.set("source", entry.source) }
    if entry.options.isReadOnly { try context.set(flag: "ro") }
    for flag in entry.options.filesystemFlags { try context.set(flag: flag) }
    for item in entry.options.data {
      if let equals = item.firstIndex(of: "=") {
        try context.set(String(item[..<equals]), String(item[item.index(after: equals)...]))
      } else {
        try context.set(flag: item)
      }
    }
    return try context.mount(attributes: entry.options.set)
  }
}

extension RootfsBuilder {
  func makeDevices() throws(RuntimeError) {
    try step("/dev") { () throws(SystemError) in
      for device in plan.devices.nodes where device.kind != .fifo {
        let name = String(device.path.dropFirst("/dev/".count))
        let directory = try paths.openOrMake("/dev", .directory)
        _ = unsafe cl_mknodat(directory.rawValue, name, device.fileType | 0o666, device.number)
        _ = unsafe cl_fchmodat(directory.rawValue, name, device.mode)
      }
      let directory = try paths.openOrMake("/dev", .directory)
      for (name, target) in [
        ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
      ] {
        _ = unsafe cl_symlinkat(target, directory.rawValue, name)
      }
    }
  }

  func finish() throws(RuntimeError) {
    for path in plan.spec.linux.maskedPaths {
      try step("linux.maskedPaths: \(path)") { () throws(SystemError) in
        guard let target = try paths.open(path) else { return }
        if try target.status().st_mode & mode_t(S_IFMT) == mode_t(S_IFDIR) {
          try emptyMask().cover(target, path)
        } else {
          try null?.cover(target, path)
        }
      }
    }
    for path in plan.spec.linux.readonlyPaths {
      try step("linux.readonlyPaths: \(path)") { () throws(SystemError) in
        guard let target = try paths.open(path) else { return }
        let tree = try MountTree.clone(
          "", at: DirectoryReference(target), recursive: true, flags: AT_EMPTY_PATH)
        try tree.setAttributes(set: UInt(CL_MOUNT_ATTR_RDONLY), path)
        try tree.attach(to: target.rawValue, path)
      }
    }
    if plan.spec.root?.readonly == true {
      try step("root.readonly") { () throws(SystemError) in
        try MountTree.setAttributes(root.rawValue, set: UInt(CL_MOUNT_ATTR_RDONLY), "/")
      }
    }
  }

  func openConsole(_ process: Spec.Process) throws(RuntimeError) -> Console {
    try Console(rootfs: root.rawValue, size: process.consoleSize)
  }
}
