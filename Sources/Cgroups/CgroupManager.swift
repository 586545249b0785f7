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

  /// Where the container `id` goes, by the value of `--cgroup-manager` and the config's
  /// `linux.cgroupsPath`; nil with `disabled`.
  public static func placement(
    manager name: String, cgroupsPath: String?, id: String
  ) throws(RuntimeError) -> CgroupPlacement? {
    guard let manager = CgroupManager(rawValue: name) else {
      throw RuntimeError(
        "--cgroup-manager=\(name): unknown", advice: "cgroupfs, systemd or disabled")
    }
    try manager.requireAvailable()
    if manager == .disabled { return nil }
    return try CgroupLayout.detect().placement(cgroupsPath: cgroupsPath, id: id)
  }
}
