internal import CLinux
internal import Linux
internal import OCISpec

/// Makes one mount of the configuration.
struct MountStep {
  let builder: RootfsBuilder
  let entry: RootfsPlan.Entry

  func run() throws(RuntimeError) {
    switch entry.type {
    case "bind": try bind()
    case "cgroup": try CgroupMount(builder: builder, entry: entry).run()
    case _ where entry.options.isRemount: try remount()
    case "none":
      throw RuntimeError(
        "\(entry.name): \(entry.destination): type: is missing",
        advice: "name a file system, or bind it with the option bind or rbind")
    default: try mountFilesystem()
    }
  }

  private func fault(_ error: SystemError, _ detail: String? = nil) -> RuntimeError {
    RuntimeError(
      "\(entry.name): \(entry.destination): \(detail.map { "\($0): " } ?? "")\(error)",
      advice: advice(error.errno))
  }

  private func advice(_ errno: CInt) -> String? {
    switch errno {
    case ENODEV where entry.type != "bind": "the kernel has no file system \(entry.type)"
    case EPERM where entry.type == "bind":
      "an option that the host's mount has cannot be taken away here: "
        + optionNames(clear: entry.options.clear | entry.options.recursiveClear)
    case EPERM: "this user namespace may not mount \(entry.type)"
    case ELOOP: "a symbolic link stands where a directory must be"
    case EROFS: "the root file system is read-only: make \(entry.destination) in the image"
    default: nil
    }
  }

  private func optionNames(clear: UInt) -> String {
    let names = [
      (CL_MOUNT_ATTR_RDONLY, "rw"), (CL_MOUNT_ATTR_NOSUID, "suid"), (CL_MOUNT_ATTR_NODEV, "dev"),
      (CL_MOUNT_ATTR_NOEXEC, "exec"),
    ].filter { clear & UInt($0.0) != 0 }.map(\.1)
    return names.isEmpty ? "see its options on the host" : names.joined(separator: ", ")
  }

  // MARK: Bind mounts

  private func bind() throws(RuntimeError) {
    let options = entry.options
    if let unknown = options.data.first {
      throw RuntimeError(
        "\(entry.name): \(entry.destination): \(unknown): is no option of a bind mount")
    }
    do throws(SystemError) {
      let tree = try sourceTree()
      let isDirectory = try tree.descriptor.status().isDirectory
      let target = try builder.target(entry, isDirectory ? .directory : .file)
      if options.set | options.clear != 0
        || (options.propagation != 0 && !options.propagationIsRecursive)
      {
        try tree.setAttributes(
          set: options.set, clear: options.clear,
          propagation: options.propagationIsRecursive ? 0 : options.propagation, entry.source)
      }
      try setRecursively(tree)
      try tree.attach(to: target.rawValue, entry.destination)
    } catch {
      throw error.errno == ENOENT && error.subject == entry.source
        ? SourceTree.fault(entry.name, entry.source, error) : fault(error)
    }
  }

  private func sourceTree() throws(SystemError) -> MountTree {
    if let tree = entry.tree { return try tree.take() }
    return try MountTree.clone(
      entry.source, recursive: entry.options.isRecursiveBind,
      flags: entry.options.keepsSymlink ? AT_SYMLINK_NOFOLLOW : 0)
  }

  private func setRecursively(_ tree: borrowing MountTree) throws(SystemError) {
    let options = entry.options
    guard options.recursiveSet | options.recursiveClear != 0 || options.propagationIsRecursive
    else { return }
    try tree.setAttributes(
      set: options.recursiveSet, clear: options.recursiveClear,
      propagation: options.propagationIsRecursive ? options.propagation : 0, recursive: true,
      entry.source)
  }

  private func remount() throws(RuntimeError) {
    do throws(SystemError) {
      let target = try builder.target(entry, .directory)
      try MountTree.setAttributes(
        target.rawValue, set: entry.options.set, clear: entry.options.clear, entry.destination)
    } catch { throw fault(error) }
  }

  // MARK: File systems

  private func mountFilesystem() throws(RuntimeError) {
    let target: SharedDescriptor
    do throws(SystemError) {
      target = SharedDescriptor(try builder.target(entry, .directory))
    } catch { throw fault(error) }
    if entry.type == "tmpfs" { return try mountTemporary(target) }
    do throws(RuntimeError) {
      try mount(target, entry.options.data)
    } catch {
      if entry.type == "devpts", builder.plan.inUserNamespace,
        entry.options.data.contains(where: { $0.hasPrefix("gid=") })
      {
        // The group of terminals is not mapped into the user namespace.
        return try mount(target, entry.options.data.filter { !$0.hasPrefix("gid=") })
      }
      if entry.type == "sysfs" && !builder.plan.hasNetworkNamespace {
        return try bindSysfs(target)
      }
      throw error
    }
  }

  private func mount(_ target: SharedDescriptor, _ data: [String]) throws(RuntimeError) {
    let tree = try filesystem(data)
    do throws(SystemError) {
      try finish(tree, target)
    } catch { throw fault(error) }
  }

  private func finish(
    _ tree: borrowing MountTree, _ target: SharedDescriptor
  ) throws(SystemError) {
    if entry.options.propagation != 0 && !entry.options.propagationIsRecursive {
      try tree.setAttributes(
        set: 0, propagation: entry.options.propagation, entry.destination)
    }
    try setRecursively(tree)
    try tree.attach(to: target.rawValue, entry.destination)
  }

  /// A detached mount of a new file system, or the fault in the kernel's own words.
  private func filesystem(_ data: [String]) throws(RuntimeError) -> MountTree {
    let context: FilesystemContext
    do throws(SystemError) { context = try FilesystemContext(entry.type) } catch {
      throw fault(error)
    }
    do throws(SystemError) {
      try configure(context, data)
      return try context.mount(attributes: entry.options.set)
    } catch {
      throw fault(error, context.complaint)
    }
  }

  private func configure(
    _ context: borrowing FilesystemContext, _ data: [String]
  ) throws(SystemError) {
    if !entry.source.isEmpty { try context.set("source", entry.source) }
    if entry.options.isReadOnly { try context.set(flag: "ro") }
    for flag in entry.options.filesystemFlags { try context.set(flag: flag) }
    for item in data {
      if let equals = item.utf8.firstIndex(of: UInt8(ascii: "=")) {
        try context.set(
          String(item[..<equals]), String(item[item.utf8.index(after: equals)...]))
      } else {
        try context.set(flag: item)
      }
    }
    if let label = builder.plan.mountLabel { try context.set("context", label) }
  }

  /// A tmpfs has the mode of the directory that it covers, and with `tmpcopyup` its content.
  private func mountTemporary(_ target: SharedDescriptor) throws(RuntimeError) {
    var data = entry.options.data
    do throws(SystemError) {
      if !data.contains(where: { $0.hasPrefix("mode=") }) {
        let mode = try target.status().st_mode & 0o7777
        data.append("mode=" + String(mode, radix: 8))
      }
    } catch { throw fault(error) }
    let tree = try filesystem(data)
    do throws(SystemError) {
      if entry.options.copiesUp {
        try DirectoryCopy.copy(from: target.rawValue, to: tree.descriptor.rawValue)
      }
      try finish(tree, target)
    } catch { throw fault(error) }
  }

  /// Without a network namespace of its own a user namespace may not mount sysfs: the host's is
  /// bound instead.
  private func bindSysfs(_ target: SharedDescriptor) throws(RuntimeError) {
    do throws(SystemError) {
      let tree = try MountTree.clone("/sys", recursive: true)
      try tree.setAttributes(set: entry.options.set, recursive: true, "/sys")
      try tree.attach(to: target.rawValue, entry.destination)
    } catch { throw fault(error) }
  }
}
