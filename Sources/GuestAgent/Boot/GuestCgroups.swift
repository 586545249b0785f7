internal import CLinux
internal import Linux

/// The guest's cgroups (v2): the agent in the root of the hierarchy, which no limit is for, and the
/// container in one directly below, with all controllers.
///
/// Each further cgroup would cost the start a dozen controllers' states, some 40 ms of 3 s in the testbed.
enum GuestCgroups {
  private static let mountPoint = "/sys/fs/cgroup"
  /// What stands before the container's id in its `linux.cgroupsPath`: no file of the root begins so.
  static let prefix = "/swrun-"

  static func arrange() throws(RuntimeError) {
    try step("cgroups") { () throws(SystemError) in
      let controllers = try File.readText(mountPoint + "/cgroup.controllers").split(
        whereSeparator: { $0 == " " || $0 == "\n" })
      let control = mountPoint + "/cgroup.subtree_control"
      do { try File.write(control, controllers.map { "+\($0)" }.joined(separator: " ")) } catch {
        // All or none: each for itself, then.
        for controller in controllers {
          // Limits that need one which cannot be had are an error of the container's creation.
          try? File.write(control, "+\(controller)")
        }
      }
    }
  }
}
