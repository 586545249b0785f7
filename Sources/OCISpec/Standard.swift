extension Spec {
  /// The configuration that `spec` writes, equal in meaning to that of `runc spec`.
  ///
  /// With `rootless` it is that of `runc spec --rootless`, for the user with these ids on the
  /// host. A host with cgroup v2 alone has a cgroup namespace besides.
  public static func standard(
    rootless: Bool = false, uid: UInt32 = 0, gid: UInt32 = 0, unifiedCgroups: Bool = false
  ) -> Spec {
    var spec = Spec(
      // The lowest version that has all of it, which older runtimes accept too.
      ociVersion: "1.0.2", process: .standard, root: Root(path: "rootfs", readonly: true),
      hostname: "swrun", mounts: Mount.standard,
      linux: Linux(
        namespaces: [.pid, .network, .ipc, .uts, .mount].map { Linux.Namespace(type: $0) },
        resources: Linux.Resources(devices: [.init(allow: false, access: "rwm")]),
        maskedPaths: Linux.standardMaskedPaths, readonlyPaths: Linux.standardReadonlyPaths))
    if unifiedCgroups { spec.linux.namespaces.append(Linux.Namespace(type: .cgroup)) }
    if rootless { spec.makeRootless(uid: uid, gid: gid) }
    return spec
  }

  /// Leaves out what a user without privileges cannot do, and maps that user to root.
  private mutating func makeRootless(uid: UInt32, gid: UInt32) {
    // The network stays the host's, whose sysfs only a bind mount can show.
    linux.namespaces.removeAll { $0.type == .network }
    linux.namespaces.append(Linux.Namespace(type: .user))
    linux.uidMappings = [IDMapping(containerID: 0, hostID: uid, size: 1)]
    linux.gidMappings = [IDMapping(containerID: 0, hostID: gid, size: 1)]
    linux.resources = nil
    for index in mounts.indices {
      // Only one group is mapped, so devpts cannot use tty's.
      mounts[index].options.removeAll { $0.hasPrefix("gid=") }
      if mounts[index].destination == "/sys" {
        mounts[index] = Mount(
          destination: "/sys", type: "none", source: "/sys",
          options: ["rbind", "nosuid", "noexec", "nodev", "ro"])
      }
    }
  }
}

extension Spec.Process {
  /// The capabilities that the standard process has.
  private static let standardCapabilities = [
    "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE",
  ]

  /// A shell on a terminal, as root with few capabilities.
  static var standard: Spec.Process {
    Spec.Process(
      terminal: true, args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: Capabilities(
        bounding: standardCapabilities, effective: standardCapabilities,
        permitted: standardCapabilities, ambient: standardCapabilities),
      rlimits: [Rlimit(type: .openFiles, hard: 1024, soft: 1024)], noNewPrivileges: true)
  }
}

extension Spec.Mount {
  /// The filesystems that the specification asks for, and mqueue and the cgroups.
  static var standard: [Spec.Mount] {
    [
      Spec.Mount(destination: "/proc", type: "proc", source: "proc"),
      Spec.Mount(
        destination: "/dev", type: "tmpfs", source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
      Spec.Mount(
        destination: "/dev/pts", type: "devpts", source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
      Spec.Mount(
        destination: "/dev/shm", type: "tmpfs", source: "shm",
        options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
      Spec.Mount(
        destination: "/dev/mqueue", type: "mqueue", source: "mqueue",
        options: ["nosuid", "noexec", "nodev"]),
      Spec.Mount(
        destination: "/sys", type: "sysfs", source: "sysfs",
        options: ["nosuid", "noexec", "nodev", "ro"]),
      Spec.Mount(
        destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup",
        options: ["nosuid", "noexec", "nodev", "relatime", "ro"]),
    ]
  }
}

extension Spec.Linux {
  static let standardMaskedPaths = [
    "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
  ]

  static let standardReadonlyPaths = [
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
  ]
}
