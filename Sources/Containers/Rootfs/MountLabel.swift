internal import Linux

/// The SELinux label of the container's mounts (config-linux.md, "Mount Label").
enum MountLabel {
  /// Fails where no label can be set: without it the container would run less confined than asked.
  static func check(_ label: String?) throws(RuntimeError) -> String? {
    guard let label else { return nil }
    guard isEnabled else {
      throw RuntimeError(
        "linux.mountLabel: \(label): SELinux is not enabled on this host",
        advice: "remove linux.mountLabel from the configuration")
    }
    return label
  }

  private static var isEnabled: Bool { File.exists("/sys/fs/selinux/enforce") }

  /// Whether the type's superblock takes a `context`: those of the kernel's own refuse it.
  static func applies(to type: String) -> Bool {
    switch type {
    case "proc", "sysfs", "mqueue", "cgroup", "cgroup2": false
    default: true
    }
  }
}
