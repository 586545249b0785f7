internal import Linux

/// The names of the host's users, from /etc/passwd: a static program has no other source.
public struct UserNames: Sendable {
  private var names: [UInt32: String] = [:]

  /// The users of the text of a passwd(5) file; the first line of an id counts.
  public init(passwd: String) {
    for line in passwd.utf8.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(
        separator: UInt8(ascii: ":"), maxSplits: 3, omittingEmptySubsequences: false)
      guard fields.count > 2, !fields[0].isEmpty, let uid = UInt32(Substring(fields[2]))
      else { continue }
      if names[uid] == nil { names[uid] = String(Substring(fields[0])) }
    }
  }

  /// The users of this host; none when the file cannot be read.
  public static var ofHost: UserNames {
    UserNames(passwd: (try? File.readText("/etc/passwd", limit: 16 << 20)) ?? "")
  }

  public subscript(_ uid: UInt32) -> String? { names[uid] }
}
