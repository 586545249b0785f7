internal import CLinux
internal import Linux

/// A detached mount that covers many places: the first one gets the mount itself, the others
/// copies of it, which the kernel makes only of what is mounted somewhere.
private final class MaskSource {
  private let tree: MountTree
  private var isAttached = false

  init(_ tree: consuming MountTree) { self.tree = tree }

  func cover(_ target: borrowing FileDescriptor, _ path: String) throws(SystemError) {
    if isAttached {
      try MountTree.clone(of: tree.descriptor.rawValue, recursive: false, path)
        .attach(to: target, path)
    } else {
      try tree.attach(to: target, path)
      isAttached = true
    }
  }
}

/// What the process is not to see, and not to change (config-linux.md, "Masked Paths" and
/// "Readonly Paths").
struct Masks {
  private var null: MaskSource?
  private var empty: MaskSource?
  /// The container's /dev, or -1.
  private var devices: CInt = -1

  /// Runs while the host's /dev is still there; paths that do not exist need no protection.
  mutating func apply(
    _ plan: RootfsPlan, _ root: RootDirectory, devices: CInt
  ) throws(RuntimeError) {
    self.devices = devices
    for (index, path) in plan.readonlyPaths.enumerated() {
      try step("linux.readonlyPaths[\(index)]: /\(path)") { () throws(SystemError) in
        try Self.makeReadOnly(path, root)
      }
    }
    for (index, path) in plan.maskedPaths.enumerated() {
      try step("linux.maskedPaths[\(index)]: /\(path)") { () throws(SystemError) in
        try mask(path, root)
      }
    }
  }

  private static func makeReadOnly(_ path: String, _ root: RootDirectory) throws(SystemError) {
    guard let target = try find(path, root) else { return }
    // A copy of the very thing that it covers; its other flags stay as they are.
    let tree = try MountTree.clone(of: target.rawValue, recursive: true, path)
    try tree.change(set: .readOnly, path)
    try tree.attach(to: target, path)
  }

  private mutating func mask(_ path: String, _ root: RootDirectory) throws(SystemError) {
    guard let target = try Self.find(path, root) else { return }
    if try target.status().st_mode & mode_t(S_IFMT) == mode_t(S_IFDIR) {
      try emptySource().cover(target, path)
    } else {
      try nullSource().cover(target, path)
    }
  }

  /// Covers a directory that was just mounted.
  mutating func hide(_ path: String, _ root: RootDirectory) throws(RuntimeError) {
    try step("/\(path)") { () throws(SystemError) in try mask(path, root) }
  }

  private static func find(
    _ path: String, _ root: RootDirectory
  ) throws(SystemError) -> FileDescriptor? {
    do {
      return try root.find(path)
    } catch {
      if error.errno == ENOTDIR { return nil }
      throw error
    }
  }

  /// The null device, checked to be that by descriptor (CVE-2025-31133): the container's, as runc
  /// shows it, or else the host's.
  private mutating func nullSource() throws(SystemError) -> MaskSource {
    if let null { return null }
    let device = try Self.openNull(devices)
    let made = MaskSource(
      try MountTree.clone(of: device.rawValue, recursive: false, "/dev/null"))
    null = made
    return made
  }

  private static func openNull(_ devices: CInt) throws(SystemError) -> FileDescriptor {
    let type = mode_t(S_IFCHR)
    let number = cl_makedev(1, 3)
    do {
      return try DeviceFile.open(
        "null", at: DirectoryReference(rawValue: devices), type: type, number: number)
    } catch {
      return try DeviceFile.open("/dev/null", type: type, number: number)
    }
  }

  /// One empty directory for all.
  private mutating func emptySource() throws(SystemError) -> MaskSource {
    if let empty { return empty }
    let context = try FilesystemContext("tmpfs")
    try context.set("source", "tmpfs")
    try context.set(flag: "ro")
    let made = MaskSource(try context.mount(.readOnly))
    empty = made
    return made
  }
}

/// A device node that exists already.
enum DeviceFile {
  /// Opens it without following a link, and fails unless it is the device that is meant.
  static func open(
    _ path: String, at directory: DirectoryReference = .workingDirectory, type: mode_t,
    number: dev_t
  ) throws(SystemError) -> FileDescriptor {
    let descriptor = try FileDescriptor.open(path, O_PATH | O_NOFOLLOW, at: directory)
    let status = try descriptor.status()
    guard status.st_mode & mode_t(S_IFMT) == type, status.st_rdev == number else {
      throw SystemError(ENODEV, "fstat", path)
    }
    return descriptor
  }
}
