internal import CLinux
internal import Isolation
internal import Linux
internal import OCISpec

/// The session keyring of a container: its processes share it, and see none of the host's.
enum SessionKeyring {
  /// All for the possessor; view, read, link and search for the owner (keyctl_setperm(3)).
  private static let permissions: UInt32 = 0x3f1b_0000

  /// Joins the keyring `_ses.<id>`, which is made by whoever comes first.
  ///
  /// A kernel without keyrings, a filter that forbids them and a full quota are no failure.
  static func join(_ id: ContainerID, _ process: Spec.Process) throws(RuntimeError) {
    let name = "_ses.\(id)"
    try step("session keyring", advice: "--no-new-keyring runs without one of its own") {
      () throws(SystemError) in
      if let label = process.selinuxLabel {
        try ProcFiles.open("attr/keycreate", O_WRONLY).write(label, label)
      }
      let keyring = unsafe cl_join_session_keyring(name)
      if keyring >= 0 {
        // Of a keyring that another user of the container owns the permissions stay as they are.
        let result = cl_set_key_permissions(CInt(truncatingIfNeeded: keyring), permissions)
        if result < 0 && result != -Int(EACCES) && result != -Int(EPERM) {
          throw SystemError(CInt(-result), "keyctl", "KEYCTL_SETPERM \(name)")
        }
        return
      }
      switch CInt(-keyring) {
      case ENOSYS, EPERM, EDQUOT: return
      case let errno: throw SystemError(errno, "keyctl", "KEYCTL_JOIN_SESSION_KEYRING \(name)")
      }
    }
  }
}
