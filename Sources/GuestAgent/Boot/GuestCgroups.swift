internal import CLinux
internal import Linux

/// The guest's cgroups (v2): the agent in its own, containers below another, where all controllers
/// are on.
enum GuestCgroups {
  private static let mountPoint = "/sys/fs/cgroup"
  /// The cgroup below which the containers' are, as `linux.cgroupsPath` names it.
  static let containers = "/swrun"

  static func arrange() throws(RuntimeError) {
    try step("cgroups") { () throws(SystemError) in
      let agent = mountPoint + "/agent"
      try File.makeDirectories(agent)
      try File.write(agent + "/cgroup.procs", "0")
      try File.makeDirectories(mountPoint + containers)
      for parent in [mountPoint, mountPoint + containers] {
        let controllers = try File.readText(parent + "/cgroup.controllers").split(
          whereSeparator: { $0 == " " || $0 == "\n" })
        let control = parent + "/cgroup.subtree_control"
        // Each write moves every process of the hierarchy: one for all, where all can be had.
        do { try File.write(control, controllers.map { "+\($0)" }.joined(separator: " ")) } catch {
          for controller in controllers {
            // Limits that need one which cannot be had are an error of the container's creation.
            try? File.write(control, "+\(controller)")
          }
        }
      }
    }
  }
}
