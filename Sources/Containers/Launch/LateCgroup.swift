internal import CLinux
internal import Cgroups
internal import Isolation
internal import Linux

/// In the container's process: the v1 cgroups that the runtime makes while this process makes its
/// mounts (`LaunchPlan.lateCgroup`).
final class LateCgroup {
  private let plan: LaunchPlan
  private let channel: LaunchChannel
  private var isJoined: Bool

  init(plan: LaunchPlan, channel: LaunchChannel) {
    self.plan = plan
    self.channel = channel
    isJoined = plan.lateCgroup == nil
  }

  /// Waits until they exist and have their limits, then joins them; the first call alone does.
  func join() throws(RuntimeError) {
    guard !isJoined, let placement = plan.lateCgroup else { return }
    isJoined = true
    try step("container process") { () throws(SystemError) in
      // The runtime is gone, or its part failed and it is about to end this process.
      if try !channel.waitToProceed() { cl_exit(1) }
    }
    try Cgroup.join(legacy: placement)
  }
}
