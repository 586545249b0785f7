public import OCISpec

extension ContainerBackend {
  /// What the backend supports of Linux; `seccomp` is filled in by who knows the library.
  public static var linuxFeatures: Features.Linux {
    Features.Linux(
      namespaces: ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"],
      capabilities: CapabilityName.names,
      cgroup: Features.Linux.Cgroup(
        v1: true, v2: true, systemd: false, systemdUser: false, rdma: true),
      apparmor: Features.Availability(enabled: true),
      selinux: Features.Availability(enabled: true),
      intelRdt: Features.Linux.IntelRdt(enabled: false),
      mountExtensions: Features.Linux.MountExtensions(
        idmap: Features.Availability(enabled: true)))
  }

  /// The mount options with a meaning of their own; others go to the filesystem.
  public static var mountOptions: [String] { MountOption.names }
}
