internal import CLinux
internal import Linux

/// Mounts a file system by mount(2), for the flags that no other call passes on: `acl`,
/// `iversion` and their opposites.
struct LegacyMount {
  private let builder: RootfsBuilder
  private let entry: RootfsPlan.Entry
  private let type: String
  private let source: String?

  init(_ builder: RootfsBuilder, _ entry: RootfsPlan.Entry, type: String, source: String?) {
    self.builder = builder
    self.entry = entry
    self.type = type
    self.source = source
  }

  func make(_ target: borrowing MountTarget) throws(RuntimeError) {
    let options = entry.options
    if options.copiesUp {
      throw RuntimeError("option tmpcopyup: cannot be combined with acl or iversion")
    }
    let data = options.data.joined(separator: ",")
    do {
      // The mount point is the working directory: by descriptor, and not by a path.
      let before = try FileDescriptor.open(".", O_PATH | O_DIRECTORY)
      let place = try FileDescriptor.open(
        target.name ?? ".", O_PATH | O_DIRECTORY | O_NOFOLLOW,
        at: DirectoryReference(rawValue: target.descriptor))
      try system("fchdir", entry.destination) { cl_fchdir(place.rawValue) }
      let result = unsafe cl_mount(source ?? type, ".", type, flags(options), data)
      try system("fchdir", ".") { cl_fchdir(before.rawValue) }
      try system("mount", entry.destination) { result }
    } catch {
      throw RuntimeError("type \(type) on /\(entry.destination) with \(data)", error)
    }
    builder.ownDirectories.removeAll { RootPath.isBelowOrEqual($0.path, entry.destination) }
    if entry.destination == "dev" { builder.devices = SharedDescriptor.closed }
    try propagate(options)
  }

  private func propagate(_ options: MountOptions) throws(RuntimeError) {
    for change in options.propagations where change.propagation != .private {
      try step("destination /\(entry.destination)") { () throws(SystemError) in
        let mount = try builder.root.open(entry.destination)
        try MountTree.change(mount.rawValue, propagation: change.propagation, entry.destination)
      }
    }
  }

  private func flags(_ options: MountOptions) -> UInt {
    var flags = options.legacyFlags
    let set = options.attributes.set.union(options.recursiveAttributes.set)
    for (attribute, flag) in Self.attributes where set.contains(attribute) { flags |= flag }
    for (name, flag) in Self.superblock where options.superblockFlags.contains(name) {
      flags |= flag
    }
    return flags
  }

  private static let attributes: [(MountAttributes, UInt)] = [
    (.readOnly, CL_MS_RDONLY), (.noSUID, CL_MS_NOSUID), (.noDevices, CL_MS_NODEV),
    (.noExec, CL_MS_NOEXEC), (.noDirectoryTime, CL_MS_NODIRATIME),
    (.noSymlinks, CL_MS_NOSYMFOLLOW), (.noAccessTime, CL_MS_NOATIME),
    (.strictAccessTime, CL_MS_STRICTATIME),
  ]

  private static let superblock: [(String, UInt)] = [
    ("sync", CL_MS_SYNCHRONOUS), ("dirsync", CL_MS_DIRSYNC), ("lazytime", CL_MS_LAZYTIME),
    ("mand", CL_MS_MANDLOCK),
  ]
}
