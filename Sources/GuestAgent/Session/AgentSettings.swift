/// Where the agent keeps what it makes.
public struct AgentSettings: Sendable {
  /// The root of the state store.
  let stateRoot: String
  /// The path of the container's cgroup, from the root of the hierarchy on, up to the container's id.
  let cgroupPrefix: String
  /// The file by which a kernel is told to drop caches (proc(5), drop_caches).
  let caches: String

  public init(stateRoot: String, cgroupPrefix: String, caches: String) {
    self.stateRoot = stateRoot
    self.cgroupPrefix = cgroupPrefix
    self.caches = caches
  }

  /// Those of a guest.
  static let guest = AgentSettings(
    stateRoot: "/run/swrun/state", cgroupPrefix: GuestCgroups.prefix,
    caches: "/proc/sys/vm/drop_caches")
}
