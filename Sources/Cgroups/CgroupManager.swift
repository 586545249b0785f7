public import Linux

/// Who makes the container's cgroup: the value of `--cgroup-manager`.
public enum CgroupManager: String, Sendable, CaseIterable {
  /// swrun itself, in the mounted cgroup filesystems.
  case cgroupfs
  /// systemd, asked over D-Bus for a transient scope.
  case systemd
  /// Nobody: the container stays in the caller's cgroups, and limits are an error.
  case disabled

  /// Fails when the host cannot serve this manager.
  public func requireAvailable() throws(RuntimeError) {
    guard self == .systemd else { return }
    // The test of sd_booted(3): this directory exists only where systemd is the init.
    guard File.exists("/run/systemd/system") else {
      throw RuntimeError(
        "--cgroup-manager=systemd: systemd does not run this machine: /run/systemd/system does"
          + " not exist", advice: "use --cgroup-manager=cgroupfs")
    }
    throw RuntimeError(
      "--cgroup-manager=systemd: this build cannot ask systemd for a scope",
      advice: "use --cgroup-manager=cgroupfs")
  }
}
