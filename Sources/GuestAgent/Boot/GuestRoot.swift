internal import CLinux
internal import Linux

/// The root directory that the agent and its containers' preparation work in.
///
/// The kernel starts a guest in the initramfs, which is the first mount of all: pivot_root fails
/// there. So the agent moves to a tmpfs, as a distribution's initramfs does, and empties what it
/// leaves. The mount that the agent's own program was executed from becomes read-only, so that
/// /proc/PID/exe leads a container to nothing that it could write to (CVE-2019-5736); no mount
/// namespace of a container has that mount.
enum GuestRoot {
  private static let staging = "/newroot"

  /// To be called with /proc and /dev mounted.
  static func move() throws(RuntimeError) {
    try step("root directory") { () throws(SystemError) in
      let initial = try FileDescriptor.open("/", O_RDONLY | O_DIRECTORY)
      try File.makeDirectories(staging)
      try mount("tmpfs", staging, "mode=0755,size=16m")
      for name in ["proc", "dev", "sys", "run"] {
        try File.makeDirectories(staging + "/" + name)
      }
      try move("/proc", to: staging + "/proc")
      try move("/dev", to: staging + "/dev")
      try enter()
      try empty(initial)
      try MountTree.change(initial.rawValue, set: .readOnly, "the initramfs")
    }
  }

  private static func enter() throws(SystemError) {
    try system("chdir", staging) { unsafe cl_chdir(staging) }
    try system("mount", staging) { unsafe cl_mount(".", "/", nil, CL_MS_MOVE, nil) }
    try system("chroot", staging) { unsafe cl_chroot(".") }
    try system("chdir", "/") { unsafe cl_chdir("/") }
  }

  private static func move(_ path: String, to target: String) throws(SystemError) {
    try system("mount", target) { unsafe cl_mount(path, target, nil, CL_MS_MOVE, nil) }
  }

  private static func mount(
    _ type: String, _ path: String, _ options: String
  ) throws(SystemError) {
    try system("mount", path) {
      unsafe options.withCString {
        unsafe cl_mount(type, path, type, CL_MS_NOSUID | CL_MS_NODEV, $0)
      }
    }
  }

  /// Removes what the initramfs held: its memory is the container's.
  private static func empty(_ directory: borrowing FileDescriptor) throws(SystemError) {
    let device = try directory.status().st_dev
    try remove(directory, device: device, depth: 0)
  }

  /// The files below a directory; other file systems stay, and so does what lies too deep to be
  /// an initramfs of ours.
  private static func remove(
    _ directory: borrowing FileDescriptor, device: dev_t, depth: Int
  ) throws(SystemError) {
    if depth > 16 { return }
    let reference = DirectoryReference(directory)
    for name in try directory.entries("the initramfs") {
      if unsafe cl_unlinkat(directory.rawValue, name, 0) == 0 { continue }
      guard
        let child = try? FileDescriptor.open(
          name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, at: reference),
        try child.status().st_dev == device
      else { continue }
      try remove(child, device: device, depth: depth + 1)
      // A mount point cannot go, and takes next to nothing.
      _ = unsafe cl_unlinkat(directory.rawValue, name, AT_REMOVEDIR)
    }
  }
}
