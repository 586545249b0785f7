internal import CLinux
internal import Linux

/// What the guest has mounted besides its containers' own.
enum GuestMounts {
  /// Where the host's directories and files are: one entry a share.
  static let shares = "/run/swrun/shares"
  /// The name that the host's virtio-fs device has.
  private static let shareTag = "swrun"

  static func mountAll() throws(RuntimeError) {
    try mount("sysfs", "/sys", CL_MS_NOSUID | CL_MS_NODEV | CL_MS_NOEXEC)
    try mount("tmpfs", "/run", CL_MS_NOSUID | CL_MS_NODEV, "mode=0755,size=64m")
    try mount(
      "devpts", "/dev/pts", CL_MS_NOSUID | CL_MS_NOEXEC, "mode=0620,gid=5,ptmxmode=0666")
    try mount(
      "tmpfs", "/dev/shm", CL_MS_NOSUID | CL_MS_NODEV, "mode=1777")
    try mount(
      "cgroup2", "/sys/fs/cgroup", CL_MS_NOSUID | CL_MS_NODEV | CL_MS_NOEXEC,
      "nsdelegate,memory_recursiveprot")
  }

  static func mountShares() throws(RuntimeError) {
    try mount(
      "virtiofs", shares, 0, source: shareTag,
      advice: "the kernel needs virtiofs, and the machine its device \"\(shareTag)\"")
  }

  private static func mount(
    _ type: String, _ path: String, _ flags: UInt, _ options: String = "",
    source: String? = nil, advice: String? = nil
  ) throws(RuntimeError) {
    try step("mount of \(path)", advice: advice) { () throws(SystemError) in
      try File.makeDirectories(path)
      try system("mount", "\(type) on \(path)") {
        unsafe options.withCString { unsafe cl_mount(source ?? type, path, type, flags, $0) }
      }
    }
  }
}
