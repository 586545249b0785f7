import Testing

extension Trait where Self == ConditionTrait {
  /// Runs as root only.
  public static var root: Self { .enabled(if: Machine.isRoot, "needs root") }
  /// What only swrun has.
  public static var swrunOnly: Self {
    .enabled(if: Runtime.isSwrun, "only swrun has this; the runtime is \(Runtime.path)")
  }
  /// The other runtimes' Debian versions lack this, or do otherwise.
  public static func not(_ kinds: Runtime.Kind..., because reason: String) -> Self {
    .enabled(if: !kinds.contains(Runtime.kind), "\(Runtime.kind.rawValue): \(reason)")
  }
  public static func controller(_ name: String) -> Self {
    .enabled(if: Machine.hasController(name), "no cgroup controller \(name) here")
  }
  public static var freezer: Self { .enabled(if: Machine.canFreeze, "no cgroup freezer here") }
  public static func v1(_ name: String) -> Self {
    .enabled(if: Machine.hasV1(name), "no v1 hierarchy of the controller \(name) here")
  }
  public static var v2: Self {
    .enabled(if: Machine.isRoot && Machine.cgroups == .unified, "cgroups are not v2 alone here")
  }
  public static func kernel(_ major: Int, _ minor: Int) -> Self {
    .enabled(if: Machine.kernelIsAtLeast(major, minor), "needs Linux \(major).\(minor)")
  }
  /// Needs an engine and a guest kernel. Nothing is skipped in the testbed, where both must be there.
  public static var machines: Self { machines(of: .own) }
  public static func machines(of support: MachineSupport) -> Self {
    .enabled(
      if: Machine.isTestbed || support.isUsable,
      "no engine or no guest kernel for VMs here: \(support.annotations)")
  }
  public static var testbed: Self { .enabled(if: Machine.isTestbed, "this is not the testbed") }
  public static func program(_ name: String) -> Self {
    .enabled(if: Machine.has(program: name), "\(name) is not installed")
  }
}
