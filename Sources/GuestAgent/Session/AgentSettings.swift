/// Where the agent keeps what it makes.
public struct AgentSettings: Sendable {
  /// The root of the state store.
  let stateRoot: String
  /// The cgroup below which the container's is, from the root of the hierarchy on.
  let cgroupParent: String

  public init(stateRoot: String, cgroupParent: String) {
    self.stateRoot = stateRoot
    self.cgroupParent = cgroupParent
  }

  /// Those of a guest.
  static let guest = AgentSettings(
    stateRoot: "/run/swrun/state", cgroupParent: GuestCgroups.containers)
}
