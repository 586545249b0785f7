internal import CLinux
internal import Linux

/// A detached mount that covers many places: the first one gets the mount itself, the others
/// copies of it, which the kernel makes only of what is mounted somewhere.
final class MaskSource {
  private let tree: MountTree
  private var isAttached = false

  init(_ tree: consuming MountTree) { self.tree = tree }

  func cover(_ target: borrowing FileDescriptor, _ path: String) throws(SystemError) {
    if isAttached {
      try MountTree.clone(
        "", at: DirectoryReference(tree.descriptor), recursive: false, flags: AT_EMPTY_PATH
      ).attach(to: target.rawValue, path)
    } else {
      try tree.attach(to: target.rawValue, path)
      isAttached = true
    }
  }
}
