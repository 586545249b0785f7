internal import CLinux
internal import Linux
internal import OCISpec

/// The user, groups and file mode creation mask of a process.
struct Identity {
  let user: Spec.Process.User
  let hasUserNamespace: Bool
  /// The caller's supplementary groups stay, and `user.additionalGids` are not added.
  let keepsGroups: Bool

  /// crun's annotation for it.
  static let keepGroupsAnnotation = "run.oci.keep_original_groups"

  /// Becomes the user; what the permitted set holds outlives the change, the effective set does
  /// not unless the user is root.
  func assume() throws(RuntimeError) {
    if !keepsGroups { try setGroups() }
    try step(
      "process.user.gid \(user.gid)", advice: mappingAdvice("gid")
    ) { () throws(SystemError) in
      try system("setresgid") { cl_setresgid(user.gid, user.gid, user.gid) }
    }
    try step(
      "process.user.uid \(user.uid)", advice: mappingAdvice("uid")
    ) { () throws(SystemError) in
      if user.uid != 0 { try system("prctl", "PR_SET_KEEPCAPS") { keepCapabilities() } }
      try system("setresuid") { cl_setresuid(user.uid, user.uid, user.uid) }
    }
    if let umask = user.umask { _ = cl_umask(mode_t(umask)) }
  }

  private func keepCapabilities() -> CInt { cl_prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) }

  private func mappingAdvice(_ kind: String) -> String? {
    hasUserNamespace ? "the id must be mapped in linux.\(kind)Mappings" : nil
  }

  private func setGroups() throws(RuntimeError) {
    let groups = user.additionalGids
    let result = unsafe cl_setgroups(groups.count, groups)
    if result == 0 { return }
    // A user namespace of an unprivileged user forbids it, and then none was asked for.
    if result == -EPERM && hasUserNamespace && groups.isEmpty { return }
    throw RuntimeError(
      "process.user.additionalGids", SystemError(-result, "setgroups"),
      advice: result == -EPERM && hasUserNamespace
        ? "a rootless container cannot have additional groups" : mappingAdvice("gid"))
  }
}
