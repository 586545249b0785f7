/// Where the agent keeps what it makes.
public struct AgentSettings: Sendable {
  /// The root of the state store.
  let stateRoot: String
  /// The cgroup below which the container's is, from the root of the hierarchy on.
  let cgroupParent: String
  /// The file by which a kernel is told to drop caches (proc(5), drop_caches).
  let caches: String

  public init(stateRoot: String, cgroupParent: String, caches: String) {
    self.stateRoot = stateRoot
    self.cgroupParent = cgroupParent
    self.caches = caches
  }

  /// Those of a guest.
  static let guest = AgentSettings(
    stateRoot: "/run/swrun/state", cgroupParent: GuestCgroups.containers,
    caches: "/proc/sys/vm/drop_caches")
}
