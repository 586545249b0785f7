/// The vsock ports and context ids of the channel between host and guest (virtio 1.2, 5.10.4).
public enum Port {
  /// The host's context id, in both directions.
  public static let hostCID: UInt32 = 2
  /// The context id of every guest: each has its own user-space vsock, so they may be equal.
  public static let guestCID: UInt32 = 3
  /// Where the agent listens in the guest: one connection a session.
  public static let agent: UInt32 = 1024
  /// Where the host listens for the agent's one connection after boot.
  public static let boot: UInt32 = 1024
}
