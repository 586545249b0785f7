internal import CLinux
internal import Linux
internal import OCISpec

extension Cgroup {
  /// Sets which devices the processes may use: by files on v1, by an eBPF program on v2.
  ///
  /// What no rule allows is denied, also when config.json has no rules at all, as with runc.
  func applyDevices(_ given: [Spec.Linux.Resources.DeviceRule]) throws(RuntimeError) {
    if directories.isEmpty { return }
    let rules = try DeviceRule.effective(given)
    if let legacy = legacy("devices") {
      try legacy.apply(try LegacyDevicePolicy(rules))
      return
    }
    guard let unified else {
      throw RuntimeError(
        "linux.resources.devices: neither the v1 devices controller nor cgroup v2 is mounted",
        advice: "mount one of them below /sys/fs/cgroup")
    }
    do throws(SystemError) {
      try unified.attach(DeviceProgram(rules))
    } catch {
      let advice =
        error.errno == EPERM
        ? "cgroup v2 needs CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, on the host for device rules"
        : error.errno == EINVAL || error.errno == ENOSYS
          ? "the kernel needs CONFIG_CGROUP_BPF" : nil
      throw RuntimeError("linux.resources.devices", error, advice: advice)
    }
  }
}
