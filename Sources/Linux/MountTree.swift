internal import CLinux

/// A mount, or a tree of mounts, by descriptor: detached until `attach`, and gone with the
/// descriptor when it was never attached (open_tree(2), fsmount(2)).
public struct MountTree: ~Copyable, Sendable {
  public let descriptor: FileDescriptor

  public init(owning descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// The owned descriptor, for somebody else to keep the tree by.
  public consuming func intoDescriptor() -> FileDescriptor { descriptor }

  /// A copy of what is mounted at `path`, as a bind mount is.
  ///
  /// A symbolic link at the end of the path is followed unless `follows` is false.
  public static func clone(
    _ path: String, at directory: DirectoryReference = .workingDirectory, recursive: Bool,
    follows: Bool = true
  ) throws(SystemError) -> MountTree {
    try clone(path, at: directory, recursive, follows ? 0 : AT_SYMLINK_NOFOLLOW)
  }

  /// A copy of what an open descriptor stands on; no path is walked.
  public static func clone(
    of descriptor: CInt, recursive: Bool, _ subject: @autoclosure () -> String
  ) throws(SystemError) -> MountTree {
    do {
      return try clone("", at: DirectoryReference(rawValue: descriptor), recursive, AT_EMPTY_PATH)
    } catch {
      throw SystemError(error.errno, error.call, subject())
    }
  }

  private static func clone(
    _ path: String, at directory: DirectoryReference, _ recursive: Bool, _ flags: CInt
  ) throws(SystemError) -> MountTree {
    let all =
      CL_OPEN_TREE_CLONE | CL_OPEN_TREE_CLOEXEC | (recursive ? CL_AT_RECURSIVE : 0)
      | UInt(UInt32(bitPattern: flags))
    return MountTree(
      owning: FileDescriptor(
        owning: try system("open_tree", path) {
          unsafe cl_open_tree(directory.rawValue, path, UInt32(all))
        }))
  }

  /// Changes the flags and the propagation of the mount, or of the whole tree.
  public func change(
    set: MountAttributes = [], clear: MountAttributes = [], propagation: MountPropagation? = nil,
    userNamespace: CInt = 0, recursive: Bool = false, _ subject: @autoclosure () -> String
  ) throws(SystemError) {
    try MountTree.change(
      descriptor.rawValue, set: set, clear: clear, propagation: propagation,
      userNamespace: userNamespace, recursive: recursive, subject())
  }

  /// As the method, for the mount whose root a descriptor stands on.
  public static func change(
    _ descriptor: CInt, set: MountAttributes = [], clear: MountAttributes = [],
    propagation: MountPropagation? = nil, userNamespace: CInt = 0, recursive: Bool = false,
    _ subject: @autoclosure () -> String
  ) throws(SystemError) {
    try system("mount_setattr", subject()) {
      unsafe cl_mount_setattr(
        descriptor, "", UInt32(AT_EMPTY_PATH) | (recursive ? UInt32(CL_AT_RECURSIVE) : 0),
        set.rawValue, clear.rawValue, propagation?.flag ?? 0, UInt64(userNamespace))
    }
  }

  /// Mounts the tree on what `target` refers to; no path is walked.
  public func attach(
    to target: borrowing FileDescriptor, _ subject: @autoclosure () -> String
  ) throws(SystemError) {
    try attach(to: target.rawValue, subject())
  }

  /// As above, for a descriptor that somebody else owns.
  public func attach(
    to target: CInt, _ subject: @autoclosure () -> String
  ) throws(SystemError) {
    try system("move_mount", subject()) {
      unsafe cl_move_mount(
        descriptor.rawValue, "", target, "",
        UInt32(CL_MOVE_MOUNT_F_EMPTY_PATH | CL_MOVE_MOUNT_T_EMPTY_PATH))
    }
  }

  /// Mounts the tree on one entry of a directory that nobody else can change; a symbolic link of
  /// that name is not followed.
  public func attach(
    to name: String, in directory: CInt, _ subject: @autoclosure () -> String
  ) throws(SystemError) {
    try MountTree.attach(descriptor.rawValue, to: name, in: directory, subject())
  }

  /// As above, for a tree that somebody else owns the descriptor of.
  public static func attach(
    _ tree: CInt, to name: String, in directory: CInt, _ subject: @autoclosure () -> String
  ) throws(SystemError) {
    try system("move_mount", subject()) {
      unsafe cl_move_mount(tree, "", directory, name, UInt32(CL_MOVE_MOUNT_F_EMPTY_PATH))
    }
  }
}
