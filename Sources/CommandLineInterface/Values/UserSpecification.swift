/// The user of `exec --user`: `UID` or `UID:GID`, numbers alone.
public struct UserSpecification: Equatable, Sendable {
  public let uid: UInt32
  /// Nil keeps the group of the container's process.
  public let gid: UInt32?

  /// Nil unless the whole text is a user: a name, a sign, a blank or anything behind the numbers
  /// makes it none, for a user that is understood by half may be root (CVE-2026-30892).
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard let uid = Self.id(parts[0]) else { return nil }
    self.uid = uid
    switch parts.count {
    case 1: gid = nil
    case 2:
      guard let group = Self.id(parts[1]) else { return nil }
      gid = group
    default: return nil
    }
  }

  /// One id: digits, and not the number that means "unchanged" to the kernel.
  public static func id(_ text: some StringProtocol) -> UInt32? {
    guard !text.isEmpty, let number = decimal(text), number < UInt64(UInt32.max) else { return nil }
    return UInt32(number)
  }
}
