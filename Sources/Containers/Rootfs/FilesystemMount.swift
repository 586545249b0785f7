internal import CLinux
internal import Linux
internal import OCISpec

/// Mounts a file system by its type.
struct FilesystemMount {
  let builder: RootfsBuilder
  let entry: RootfsPlan.Entry
  let type: String
  let source: String?

  init(
    _ builder: RootfsBuilder, _ entry: RootfsPlan.Entry, type: String, source: String?
  ) {
    self.builder = builder
    self.entry = entry
    self.type = type
    self.source = source
  }

  private var options: MountOptions { entry.options }
  private var destination: String { entry.destination }
  private var isTmpfs: Bool { type == "tmpfs" }
  /// A tmpfs becomes read-only at the end: mount points, copies and device nodes go into it.
  private var isLateReadOnly: Bool { isTmpfs && options.isReadOnly }

  func make() throws(RuntimeError) {
    try ProcMountRule.check(destination)
    let walk: TargetWalk =
      type == "proc" || type == "sysfs"
      ? .plainDirectory : options.destinationFollows ? .following : .lastNameItself
    let target = try builder.target(destination, walk) { () throws(SystemError) in true }
    if options.legacyFlags != 0 {
      return try LegacyMount(builder, entry, type: type, source: source).make(target)
    }
    guard let tree = try makeTree(target) else {
      // The kernel's sysfs is that of a network namespace that is not this container's.
      return try HostSys(builder, entry).make(target)
    }
    if options.copiesUp { try copyUp(target, tree) }
    try propagate(tree)
    try builder.attach(tree, target, at: destination)
    remember(tree)
  }

  private func makeTree(_ target: borrowing MountTarget) throws(RuntimeError) -> MountTree? {
    let context: FilesystemContext
    do {
      context = try FilesystemContext(type)
    } catch {
      if type == "sysfs", error.errno == EPERM { return nil }
      throw RuntimeError(
        "type \(type)", error,
        advice: error.errno == ENODEV
          ? "the kernel has no such file system: load its module, or correct the name" : nil)
    }
    try configure(context, target)
    var attributes = options.attributes.set
    if isLateReadOnly { attributes.remove(.readOnly) }
    do {
      return try context.mount(attributes)
    } catch {
      if type == "sysfs", error.errno == EPERM { return nil }
      if type == "devpts", error.errno == EINVAL, let plain = withoutGroup() {
        return try plain.makeTree(target)
      }
      throw refusal(error, context)
    }
  }

  private func configure(
    _ context: borrowing FilesystemContext, _ target: borrowing MountTarget
  ) throws(RuntimeError) {
    if let source { try set("source", source, context) }
    for option in options.data where !dropsGroup(option) {
      do {
        try context.set(option: option)
      } catch {
        throw RuntimeError(
          "option \(option): type \(type) refuses it: \(error.reason)",
          advice: context.complaint())
      }
    }
    for flag in options.superblockFlags { try set(flag, nil, context) }
    // The flag of the file system itself; one of the kernel's cgroups is the host's too.
    if options.attributes.set.contains(.readOnly), !isTmpfs { try set("ro", nil, context) }
    if let label = builder.plan.mountLabel, MountLabel.applies(to: type),
      !options.data.contains(where: { $0.utf8.starts(with: "context=".utf8) })
    {
      try set("context", label, context)
    }
    if isTmpfs, !options.data.contains(where: { $0.utf8.starts(with: "mode=".utf8) }) {
      try keepMode(target, context)
    }
  }

  private func set(
    _ key: String, _ value: String?, _ context: borrowing FilesystemContext
  ) throws(RuntimeError) {
    do {
      if let value { try context.set(key, value) } else { try context.set(flag: key) }
    } catch {
      throw RuntimeError(
        "option \(key): type \(type) refuses it: \(error.reason)", advice: context.complaint())
    }
  }

  /// A tmpfs without a mode gets that of the directory it covers, as runc does it.
  private func keepMode(
    _ target: borrowing MountTarget, _ context: borrowing FilesystemContext
  ) throws(RuntimeError) {
    if target.isNew { return }
    var status = stat()
    try step("destination /\(destination)") { () throws(SystemError) in
      try system("fstat", destination) { unsafe cl_fstat(target.descriptor, &status) }
    }
    let mode = status.st_mode & 0o7777
    try set("mode", String(mode, radix: 8), context)
  }

  /// A user namespace may lack the group tty, of which only some distributions know number 5.
  private func dropsGroup(_ option: String) -> Bool {
    guard type == "devpts", option.utf8.starts(with: "gid=".utf8),
      builder.plan.surroundings.hasUserNamespace, !builder.plan.gidMappings.isEmpty,
      let gid = UInt32(option.dropFirst(4))
    else { return false }
    return !builder.plan.gidMappings.contains {
      gid >= $0.containerID && gid - $0.containerID < $0.size
    }
  }

  /// The same mount without its group, where the mapping of a joined namespace is not known; nil
  /// when there is none to leave out.
  private func withoutGroup() -> FilesystemMount? {
    guard builder.plan.surroundings.hasUserNamespace else { return nil }
    var entry = entry
    entry.options.data.removeAll { $0.utf8.starts(with: "gid=".utf8) }
    if entry.options.data.count == options.data.count { return nil }
    return FilesystemMount(builder, entry, type: type, source: source)
  }

  private func refusal(
    _ error: SystemError, _ context: borrowing FilesystemContext
  ) -> RuntimeError {
    var advice = context.complaint()
    if advice == nil, error.errno == EPERM {
      switch type {
      case "proc":
        advice =
          "in a user namespace proc needs a new pid namespace, and a /proc on the host "
          + "that nothing is mounted over"
      case "mqueue": advice = "in a user namespace mqueue needs a new ipc namespace"
      default: advice = "type \(type) cannot be mounted without the privileges of the host's root"
      }
    }
    let all = options.data.isEmpty ? "" : " with \(options.data.joined(separator: ","))"
    return RuntimeError(
      "type \(type) on /\(destination)\(all): \(error.reason) (\(error.errno))", advice: advice)
  }

  private func copyUp(
    _ target: borrowing MountTarget, _ tree: borrowing MountTree
  ) throws(RuntimeError) {
    if target.isNew { return }
    do {
      try TreeCopy.copyContents(of: target.descriptor, to: tree.descriptor)
    } catch {
      throw RuntimeError(
        "option tmpcopyup on /\(destination)", error,
        advice: error.errno == ENOSPC ? "give the tmpfs a larger size" : nil)
    }
  }

  /// A mount of one's own is private from the start.
  private func propagate(_ tree: borrowing MountTree) throws(RuntimeError) {
    var changes = MountOptions()
    changes.propagations = options.propagations.filter { $0.propagation != .private }
    changes.recursiveAttributes = options.recursiveAttributes
    if isLateReadOnly { changes.recursiveAttributes.set.remove(.readOnly) }
    try changes.apply(to: tree, isRecursive: false, type)
  }

  private func remember(_ tree: consuming MountTree) {
    let isOwn = isTmpfs && !options.copiesUp
    let isProc = type == "proc" && destination == "proc" && !options.isReadOnly
    guard isOwn || isProc || isLateReadOnly || destination == "dev" else { return }
    let descriptor = SharedDescriptor(tree.intoDescriptor())
    if isOwn {
      builder.ownDirectories.append(
        RootfsBuilder.OwnDirectory(path: destination, descriptor: descriptor))
    }
    if isLateReadOnly { builder.lateReadOnly.append((entry.name, descriptor)) }
    if isProc { builder.proc = descriptor }
    if destination == "dev" { builder.devices = descriptor }
  }
}
