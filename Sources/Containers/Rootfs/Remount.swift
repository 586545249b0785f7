internal import CLinux
internal import Linux

/// Changes a mount that an earlier entry made (`remount`).
struct Remount {
  private let builder: RootfsBuilder
  private let entry: RootfsPlan.Entry

  init(_ builder: RootfsBuilder, _ entry: RootfsPlan.Entry) {
    self.builder = builder
    self.entry = entry
  }

  func make() throws(RuntimeError) {
    let options = entry.options
    let mount = try open()
    if !options.isBind { try reconfigure(mount, options) }
    // Here the flags are those of the options and no others, as mount(2) has it.
    var set = options.attributes
    set.clear.formUnion(
      MountAttributes([.readOnly, .noSUID, .noDevices, .noExec, .noDirectoryTime, .noSymlinks])
        .subtracting(set.set))
    try step("destination /\(entry.destination)") { () throws(SystemError) in
      try MountTree.change(mount.rawValue, set: set.set, clear: set.clear, entry.destination)
      if !options.recursiveAttributes.isEmpty {
        try MountTree.change(
          mount.rawValue, set: options.recursiveAttributes.set,
          clear: options.recursiveAttributes.clear, recursive: true, entry.destination)
      }
      for change in options.propagations {
        try MountTree.change(
          mount.rawValue, propagation: change.propagation, recursive: change.isRecursive,
          entry.destination)
      }
    }
  }

  private func open() throws(RuntimeError) -> FileDescriptor {
    try step(
      "destination /\(entry.destination)", advice: "remount needs an earlier mount there"
    ) { () throws(SystemError) in
      let found = try builder.root.open(entry.destination)
      if try system("statx", entry.destination, { cl_is_mount_root(found.rawValue) }) == 0 {
        throw SystemError(EINVAL, "remount", entry.destination)
      }
      return found
    }
  }

  /// The superblock's side: its options, and read-only or not.
  private func reconfigure(
    _ mount: borrowing FileDescriptor, _ options: MountOptions
  ) throws(RuntimeError) {
    let context = try step("destination /\(entry.destination)") { () throws(SystemError) in
      try FilesystemContext(picking: mount.rawValue, entry.destination)
    }
    do {
      try context.set(flag: options.isReadOnly ? "ro" : "rw")
      for flag in options.superblockFlags { try context.set(flag: flag) }
      for option in options.data { try context.set(option: option) }
      try context.reconfigure()
    } catch {
      throw RuntimeError(
        "option remount on /\(entry.destination)", error, advice: context.complaint())
    }
  }
}
