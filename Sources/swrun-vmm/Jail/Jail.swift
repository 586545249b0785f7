internal import CLinux
internal import Linux

/// What swrun-vmm gives up before the guest's first instruction: the host's file tree, privileges,
/// and system calls.
///
/// It was cloned into mount, pid, ipc, uts and network namespaces of its own. The shares are
/// descriptors of detached mounts, so its own tree is empty.
enum Jail {
  /// What a file server for any guest user needs (capabilities(7)): to act as that user, to own
  /// files as it asks, and what root in the guest may do to files.
  static let fileServerCapabilities = mask([
    CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_SETGID, CAP_SETUID, CAP_MKNOD,
    CAP_SETFCAP,
  ])
  /// What is left of them when all shares are read-only: to read what is another user's, and to open
  /// it without a change of its access time.
  static let readerCapabilities = mask([CAP_DAC_OVERRIDE, CAP_FOWNER])
  /// The process of the engine qemu runs as another user, and has to be ended with the machine:
  /// there is no other process in this pid namespace.
  static let endingCapability = mask([CAP_KILL])

  private static func mask(_ capabilities: [CInt]) -> UInt64 {
    capabilities.reduce(0) { $0 | 1 << UInt64($1) }
  }

  /// /proc/self/fd of this process, from a proc that nobody can look up: what a file server reopens
  /// its O_PATH descriptors by.
  static func ownDescriptors() throws(RuntimeError) -> SharedDescriptor {
    try step("jail: /proc/self/fd") { () throws(SystemError) in
      let proc = try FilesystemContext("proc").mount([.noExec, .noSUID, .noDevices])
      return SharedDescriptor(
        try FileDescriptor.open(
          "self/fd", O_RDONLY | O_DIRECTORY, at: DirectoryReference(proc.descriptor)))
    }
  }

  /// Makes an empty read-only file system the root; nothing of the host's has a path any more.
  static func leaveHostTree() throws(RuntimeError) {
    try step("jail: root") { () throws(SystemError) in
      // Nothing that is unmounted here is to be unmounted on the host.
      try system("mount", "/") {
        unsafe cl_mount(nil, "/", nil, CL_MS_REC | CL_MS_PRIVATE, nil)
      }
      let context = try FilesystemContext("tmpfs")
      try context.set("mode", "555")
      try context.set("size", "4096")
      let empty = try context.mount([.noExec, .noSUID, .noDevices])
      let target = try FileDescriptor.open("/", O_PATH | O_DIRECTORY)
      try empty.attach(to: target, "/")
      try system("fchdir", "jail") { cl_fchdir(empty.descriptor.rawValue) }
      try system("pivot_root", "jail") { unsafe cl_pivot_root(".", ".") }
      // Both stand on the same place now: the old root, on top, goes with all below it.
      try system("umount2", "the host's root") {
        unsafe cl_umount2(".", CInt(CL_MNT_DETACH))
      }
      try system("chdir", "/") { unsafe cl_chdir("/") }
      try MountTree.change(empty.descriptor.rawValue, set: .readOnly, "jail")
    }
  }

  /// Allows this process so many descriptors, one for each file that the guest knows, whatever its
  /// caller was content with; without the privilege the caller's limit stays.
  static func allow(descriptors: Int) {
    var limit = rlimit()
    guard unsafe cl_getrlimit(CInt(CL_RLIMIT_NOFILE), &limit) == 0,
      limit.rlim_max < rlim_t(descriptors)
    else { return }
    limit.rlim_max = rlim_t(descriptors)
    _ = unsafe cl_setrlimit(CInt(CL_RLIMIT_NOFILE), &limit)
  }

  /// Cuts privileges for good: to what all threads need together. To be called while the process
  /// has one thread. `descriptors` is how many there may be.
  static func dropPrivileges(
    endsProcess: Bool, descriptors: Int
  ) throws(RuntimeError) {
    try step("jail: privileges") { () throws(SystemError) in
      try system("setgroups") { cl_setgroups(0, nil) }
      let kept = fileServerCapabilities | (endsProcess ? endingCapability : 0)
      try limit(CL_RLIMIT_NOFILE, to: UInt(descriptors))
      try limit(CL_RLIMIT_CORE, to: 0)
      try limit(CL_RLIMIT_MSGQUEUE, to: 0)
      try system("capset") { cl_keep_capabilities(kept) }
      try system("prctl", "PR_SET_NO_NEW_PRIVS") { cl_set_no_new_privileges() }
      // Nobody of the same user may look into the memory of the guest by way of us.
      try system("prctl", "PR_SET_DUMPABLE") { cl_set_undumpable() }
    }
  }

  /// Sets a limit to a value, or to what the caller may have where that is less.
  private static func limit(_ resource: some BinaryInteger, to value: UInt) throws(SystemError) {
    var limit = rlimit()
    let resource = CInt(resource)
    try system("getrlimit", "limit \(resource)") { unsafe cl_getrlimit(resource, &limit) }
    let value = min(rlim_t(value), limit.rlim_max)
    limit = rlimit(rlim_cur: value, rlim_max: value)
    try system("setrlimit", "limit \(resource)") { unsafe cl_setrlimit(resource, &limit) }
  }
}
