internal import CLinux
internal import Linux
internal import MachinePlan

/// The file tree of qemu's process: the host's programs and libraries, read-only, and what the guest
/// boots. No /proc, no /dev, nothing of the container's or of anybody's data.
///
/// To be made by the process itself, in a mount namespace of its own.
enum QEMUTree {
  /// Where programs, libraries and firmware are; links such as /lib -> usr/lib are made anew.
  private static let systemDirectories = ["usr", "bin", "lib", "lib32", "lib64", "libx32"]
  /// What the dynamic linker asks for.
  private static let linkerFiles = ["ld.so.cache", "alternatives"]

  static func enter(_ plan: MachinePlan) throws(SystemError) {
    // Nothing that is mounted here is to be seen on the host.
    try system("mount", "/") {
      unsafe cl_mount(nil, "/", nil, CL_MS_REC | CL_MS_PRIVATE, nil)
    }
    let context = try FilesystemContext("tmpfs")
    try context.set("mode", "755")
    let root = try context.mount([.noExec, .noSUID, .noDevices])
    let top = try FileDescriptor.open("/", O_PATH | O_DIRECTORY)
    try root.attach(to: top, "/")
    let directory = root.descriptor.rawValue
    for name in systemDirectories { try add(name, of: top, to: directory) }
    try system("mkdirat", "etc") { unsafe cl_mkdirat(directory, "etc", 0o755) }
    let hostEtc = try FileDescriptor.open(
      "etc", O_PATH | O_DIRECTORY, at: DirectoryReference(top))
    let etc = try FileDescriptor.open(
      "etc", O_PATH | O_DIRECTORY, at: DirectoryReference(rawValue: directory))
    for name in linkerFiles { try add(name, of: hostEtc, to: etc.rawValue) }
    try copy(plan.kernel, to: QEMUCommand.kernel, in: directory)
    if plan.initramfs >= 0 {
      try copy(plan.initramfs, to: QEMUCommand.initramfs, in: directory)
    }
    try system("fchdir", "/") { cl_fchdir(directory) }
    try system("pivot_root", "qemu") { unsafe cl_pivot_root(".", ".") }
    // Both stand on the same place now: the old root, on top, goes with all below it.
    try system("umount2", "the host's root") { unsafe cl_umount2(".", CInt(CL_MNT_DETACH)) }
    try system("chdir", "/") { unsafe cl_chdir("/") }
    try MountTree.change(directory, set: .readOnly, "qemu's root")
  }

  /// One entry of the host's tree, where there is one.
  private static func add(
    _ name: String, of host: borrowing FileDescriptor, to directory: CInt
  ) throws(SystemError) {
    var status = stat()
    let found = unsafe cl_fstatat(host.rawValue, name, &status, AT_SYMLINK_NOFOLLOW)
    if found == -ENOENT { return }
    try system("fstatat", name) { found }
    switch CInt(status.st_mode) & S_IFMT {
    case S_IFLNK:
      let target = try File.readLink(name, at: DirectoryReference(host))
      try system("symlinkat", name) { unsafe cl_symlinkat(target, directory, name) }
      return
    case S_IFDIR: try system("mkdirat", name) { unsafe cl_mkdirat(directory, name, 0o755) }
    default:
      _ = try FileDescriptor.open(
        name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644,
        at: DirectoryReference(rawValue: directory))
    }
    let tree = try MountTree.clone(name, at: DirectoryReference(host), recursive: true)
    try tree.change(set: [.readOnly, .noSUID, .noDevices], recursive: true, name)
    try tree.attach(to: name, in: directory, name)
  }

  /// A copy, because the file may be one that qemu's user can't read.
  private static func copy(_ from: CInt, to name: String, in directory: CInt) throws(SystemError) {
    let file = try FileDescriptor.open(
      name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o444, at: DirectoryReference(rawValue: directory))
    try system("sendfile", name) { cl_copy_contents(file.rawValue, from) }
  }
}
