internal import CLinux
public import Linux
public import OCISpec

extension Cgroup {
  /// Which of the resources `apply` acts on.
  public enum Scope: Sendable {
    /// All, the rules for devices too: the container is being created.
    case create
    /// What is given changes, everything else stays, devices as well: `update`.
    case update
  }

  /// Writes the limits; what cannot be set is an error that names the field of config.json.
  ///
  /// It works before and after processes join; a container that is charged for its own set-up
  /// needs the memory for it when the limit is set first. The result are warnings for the log:
  /// what is ignored because the kernel ignores it.
  @discardableResult
  public func apply(
    _ resources: Spec.Linux.Resources, scope: Scope = .create
  ) throws(RuntimeError) -> [String] {
    var warnings: [String] = []
    // As runc: a rootless container is kept from devices by its user namespace.
    if scope == .create && !rootless { try applyDevices(resources.devices) }
    if let pids = resources.pids {
      try write(pids.settings(), "pids", in: try home(of: "pids"))
    }
    if let memory = resources.memory {
      let home = try self.home(of: "memory")
      let settings =
        home?.version == .v2
        ? try memory.unifiedSettings(read: read(home), warnings: &warnings)
        : try memory.legacySettings(read: read(home), warnings: &warnings)
      try write(settings, "memory", in: home)
    }
    if let cpu = resources.cpu { try apply(cpu) }
    if let blockIO = resources.blockIO { try apply(blockIO) }
    if !resources.hugepageLimits.isEmpty {
      let home = try self.home(of: "hugetlb")
      let settings = try resources.hugepageLimits.settings(
        version: home?.version ?? .v1, has: has(home))
      try write(settings, "hugetlb", in: home)
    }
    if !resources.rdma.isEmpty {
      try write(try resources.rdma.rdmaSettings(), "rdma", in: try home(of: "rdma"))
    }
    if let network = resources.network {
      try write(network.classSettings(), "net_cls", in: legacy("net_cls"))
      try write(try network.prioritySettings(), "net_prio", in: legacy("net_prio"))
    }
    if !resources.unified.isEmpty { try applyUnified(resources.unified) }
    return warnings
  }

  private func apply(_ cpu: Spec.Linux.Resources.CPU) throws(RuntimeError) {
    let cpuset = try cpu.cpusetSettings()
    if !cpuset.isEmpty { try write(cpuset, "cpuset", in: try home(of: "cpuset")) }
    if cpu == Spec.Linux.Resources.CPU(cpus: cpu.cpus, mems: cpu.mems) { return }
    let home = try self.home(of: "cpu")
    let settings =
      home?.version == .v2
      ? try cpu.unifiedSettings(read: read(home)) : try cpu.legacySettings()
    try write(settings, "cpu", in: home)
  }

  private func apply(_ blockIO: Spec.Linux.Resources.BlockIO) throws(RuntimeError) {
    if let legacy = legacy("blkio") {
      try write(blockIO.legacySettings(has: has(legacy)), "blkio", in: legacy)
    } else {
      let home = try self.home(of: "io")
      try write(try blockIO.unifiedSettings(has: has(home)), "io", in: home)
    }
  }

  /// The directory in which a controller is: its v1 hierarchy, or v2 where that has it.
  ///
  /// A v2 controller that is not yet enabled for this cgroup is enabled on the way.
  func home(of controller: String) throws(RuntimeError) -> CgroupDirectory? {
    if let legacy = legacy(controller) { return legacy }
    guard let unified else { return nil }
    if Cgroup.hasController(controller, unified) { return unified }
    return try enableController(controller) ? unified : nil
  }

  static func hasController(_ name: String, _ directory: CgroupDirectory) -> Bool {
    (directory.readIfPresent("cgroup.controllers") ?? "").utf8
      .split(separator: UInt8(ascii: " ")).contains { $0.elementsEqual(name.utf8) }
  }

  private func write(
    _ settings: [Setting], _ controller: String, in home: CgroupDirectory?
  ) throws(RuntimeError) {
    guard let first = settings.first else { return }
    guard let home else { throw missing(controller, first) }
    try home.write(settings)
  }

  private func read(_ directory: CgroupDirectory?) -> (String) -> String? {
    { directory?.readIfPresent($0) }
  }

  private func has(_ directory: CgroupDirectory?) -> (String) -> Bool {
    { directory?.has($0) ?? false }
  }

  /// There is no directory to write the setting in.
  private func missing(_ controller: String, _ setting: Setting) -> RuntimeError {
    let what = "linux.resources.\(setting.field): \(setting.given)"
    if let (_, error) = refused.first(where: {
      $0.key.isEmpty || Cgroup.controllers($0.key, include: controller)
    }) {
      return RuntimeError(
        "\(what): no cgroup could be made for the \(controller) controller: \(error)",
        advice: "have a cgroup delegated to this user, or remove the limit")
    }
    if directories.isEmpty {
      return RuntimeError(
        "\(what): the container has no cgroup",
        advice: "remove the limit, or use --cgroup-manager=cgroupfs with a delegated cgroup")
    }
    return RuntimeError(
      "\(what): the \(controller) controller is in none of the mounted cgroup hierarchies",
      advice: "mount it, boot with it enabled, or remove the limit")
  }

  private func applyUnified(_ files: [String: String]) throws(RuntimeError) {
    let settings = try unifiedFileSettings(files)
    guard isUnified, let unified else {
      throw RuntimeError(
        "linux.resources.unified: this machine has cgroup v1 hierarchies, and unified is for v2",
        advice: "use the fields of linux.resources, such as memory.limit")
    }
    for setting in settings {
      do throws(SystemError) {
        try unified.write(setting.file, setting.value)
      } catch {
        let controller = String(setting.file.prefix { $0 != "." })
        if error.errno == ENOENT, controller != "cgroup",
          !Cgroup.hasController(controller, unified)
        {
          throw RuntimeError(
            "linux.resources.\(setting.field): the controller \(controller) is not available in"
              + " \(unified.path)", advice: "boot with it enabled, or delegate it to this user")
        }
        throw setting.failure(error, in: unified)
      }
    }
  }
}
