internal import CLinux
internal import Linux

/// Mounts a file, a directory or a tree of the host.
struct BindMount {
  let builder: RootfsBuilder
  let entry: RootfsPlan.Entry
  let source: String

  init(_ builder: RootfsBuilder, _ entry: RootfsPlan.Entry, source: String) {
    self.builder = builder
    self.entry = entry
    self.source = source
  }

  func make() throws(RuntimeError) {
    if entry.options.copiesSymlink, try copySymlink() { return }
    let destination = entry.destination
    try ProcMountRule.check(destination)
    let tree = try sourceTree()
    try ProcMountRule.checkSource(destination, tree, source)
    try entry.options.apply(to: tree, isRecursive: entry.options.isRecursiveBind, source)
    let target = try builder.target(
      destination, entry.options.destinationFollows ? .following : .lastNameItself
    ) { () throws(SystemError) in
      try tree.descriptor.status().st_mode & mode_t(S_IFMT) == mode_t(S_IFDIR)
    }
    try builder.attach(tree, target, at: destination)
    if destination == "dev" { builder.devices = SharedDescriptor(tree.intoDescriptor()) }
  }

  private func sourceTree() throws(RuntimeError) -> MountTree {
    let given = entry.tree ?? builder.clonedSources[entry.index]
    if let descriptor = given?.take() { return MountTree(owning: descriptor) }
    return try Self.clone(source, entry.options)
  }

  static func clone(_ source: String, _ options: MountOptions) throws(RuntimeError) -> MountTree {
    do {
      return try MountTree.clone(
        source, recursive: options.isRecursiveBind, follows: options.sourceFollows)
    } catch {
      throw sourceFault(error, source)
    }
  }

  static func sourceFault(_ error: SystemError, _ source: String) -> RuntimeError {
    switch error.errno {
    case ENOENT:
      RuntimeError(
        "source \(source) does not exist", advice: "bind mount needs an existing source")
    case EACCES:
      RuntimeError(
        "source \(source)", error,
        advice: "the container's root must be allowed to search the directories that lead to it")
    case EINVAL:
      RuntimeError(
        "source \(source)", error,
        advice: "a mount that is unbindable, or that hides others from a user namespace, "
          + "cannot be bound: try rbind")
    default: RuntimeError("source \(source)", error)
    }
  }

  /// Makes the link again, where the source is one; false where it is not.
  private func copySymlink() throws(RuntimeError) -> Bool {
    let destination = entry.destination
    let target: String
    do {
      target = try File.readLink(source)
    } catch {
      if error.errno == EINVAL { return false }
      throw Self.sourceFault(error, source)
    }
    let (parent, name) = RootPath.split(destination)
    try step("destination /\(destination)") { () throws(SystemError) in
      let directory = try builder.root.make(parent, isDirectory: true)
      let result = unsafe cl_symlinkat(target, directory.rawValue, name)
      if result == -EEXIST,
        (try? File.readLink(name, at: DirectoryReference(directory))) == target
      {
        return
      }
      try system("symlink", target) { result }
    }
    return true
  }
}

extension RootfsBuilder {
  /// Clones the sources of all bind mounts now instead of one by one.
  func cloneSources() throws(RuntimeError) {
    for entry in plan.entries {
      guard case .bind(let source) = entry.kind, !entry.options.copiesSymlink,
        entry.tree == nil
      else { continue }
      do {
        let tree = try BindMount.clone(source, entry.options)
        clonedSources[entry.index] = SharedDescriptor(tree.intoDescriptor())
      } catch {
        throw error.inside(entry.name)
      }
    }
  }
}

extension MountOptions {
  /// Sets the mount's flags and propagation while it is detached.
  ///
  /// For a bind mount `rw`, `suid` and their kin only take back what stands before them in the
  /// options: a restriction of the source stays, as a lock of a user namespace must. The `r` forms
  /// do lift it.
  func apply(
    to tree: borrowing MountTree, isRecursive: Bool, _ subject: String
  ) throws(RuntimeError) {
    var first = attributes
    first.clear.formIntersection(.accessTimeMask)
    if restrictsRecursively, first.set.contains(.readOnly) {
      // CVE-2023-25809: cgroups below a read-only /sys would stay writable.
      try change(tree, Change(set: .readOnly), nil, isRecursive, subject)
    }
    var rest = propagations[...]
    if !first.isEmpty {
      // One call for both where they concern the same mounts.
      var propagation: MountPropagation? = nil
      if let next = rest.first, !next.isRecursive || !isRecursive {
        propagation = next.propagation
        rest = rest.dropFirst()
      }
      try change(tree, first, propagation, false, subject)
    }
    if !recursiveAttributes.isEmpty {
      var propagation: MountPropagation? = nil
      if let next = rest.first, next.isRecursive || !isRecursive {
        propagation = next.propagation
        rest = rest.dropFirst()
      }
      try change(tree, recursiveAttributes, propagation, isRecursive, subject)
    }
    for next in rest {
      try change(tree, Change(), next.propagation, next.isRecursive && isRecursive, subject)
    }
  }

  private func change(
    _ tree: borrowing MountTree, _ change: Change, _ propagation: MountPropagation?,
    _ isRecursive: Bool, _ subject: String
  ) throws(RuntimeError) {
    do {
      try tree.change(
        set: change.set, clear: change.clear, propagation: propagation, recursive: isRecursive,
        subject)
    } catch {
      throw refusal(error, tree, change, isRecursive, subject)
    }
  }

  /// Finds the option that the kernel refuses by asking for each flag alone.
  private func refusal(
    _ error: SystemError, _ tree: borrowing MountTree, _ change: Change, _ isRecursive: Bool,
    _ subject: String
  ) -> RuntimeError {
    let prefix = isRecursive && !recursiveAttributes.isEmpty ? "r" : ""
    let advice =
      error.errno == EPERM
      ? "a user namespace cannot lift what the host has set on the source" : nil
    for (flag, set, clear) in Self.flagNames {
      var single = Change()
      let option: String
      if !change.set.intersection(flag).isEmpty {
        single.set = flag
        option = set
      } else if !change.clear.intersection(flag).isEmpty, !flag.isSubset(of: .accessTimeMask) {
        single.clear = flag
        option = clear
      } else {
        continue
      }
      if flag.isSubset(of: .accessTimeMask) { single.clear.formUnion(.accessTimeMask) }
      do {
        try tree.change(set: single.set, clear: single.clear, recursive: isRecursive, subject)
      } catch {
        return RuntimeError("option \(prefix)\(option) on \(subject)", error, advice: advice)
      }
    }
    return RuntimeError("options on \(subject)", error, advice: advice)
  }

  private static let flagNames: [(MountAttributes, String, String)] = [
    (.readOnly, "ro", "rw"), (.noSUID, "nosuid", "suid"), (.noDevices, "nodev", "dev"),
    (.noExec, "noexec", "exec"), (.noDirectoryTime, "nodiratime", "diratime"),
    (.noSymlinks, "nosymfollow", "symfollow"), (.noAccessTime, "noatime", "atime"),
    (.strictAccessTime, "strictatime", "nostrictatime"),
  ]
}
