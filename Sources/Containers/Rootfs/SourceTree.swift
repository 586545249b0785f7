internal import CLinux
internal import Linux

/// A host tree that the runtime opened for a process which could not: in a user namespace the
/// folders above it may be closed to that.
final class SourceTree {
  private let path: String
  private let descriptor: SharedDescriptor

  init(
    _ path: String, _ name: String, recursive: Bool, keepsSymlink: Bool
  ) throws(RuntimeError) {
    self.path = path
    do throws(SystemError) {
      let tree = try MountTree.clone(
        path, recursive: recursive, flags: keepsSymlink ? AT_SYMLINK_NOFOLLOW : 0)
      // A peer of the host's mount would show what is mounted below it on the host.
      try tree.setAttributes(
        set: 0, propagation: UInt(CL_MS_SLAVE), recursive: recursive, path)
      descriptor = SharedDescriptor(try tree.descriptor.duplicate())
    } catch {
      throw Self.fault(name, path, error)
    }
  }

  static func fault(_ name: String, _ path: String, _ error: SystemError) -> RuntimeError {
    error.errno == ENOENT
      ? RuntimeError(
        "\(name): source \(path) does not exist", advice: "bind mount needs an existing source")
      : RuntimeError("\(name): source \(path)", error)
  }

  func mapIDs(
    _ namespace: SharedDescriptor, recursive: Bool, _ name: String
  ) throws(RuntimeError) {
    try step("\(name): idmap", advice: "the file system must support id-mapped mounts") {
      () throws(SystemError) in
      try MountTree.setAttributes(
        descriptor.rawValue, set: UInt(CL_MOUNT_ATTR_IDMAP),
        userNamespace: namespace.rawValue, recursive: recursive, path)
    }
  }

  /// The tree, once; in the process that mounts it.
  func take() throws(SystemError) -> MountTree {
    guard let taken = descriptor.take() else { throw SystemError(EBADF, "open_tree", path) }
    return MountTree(owning: taken)
  }
}
