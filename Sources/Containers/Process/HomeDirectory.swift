internal import CLinux
internal import Linux

/// The home directory of a user, as the container's /etc/passwd has it.
enum HomeDirectory {
  /// `/` when the file or the user is missing; the process must be in the container's root.
  static func find(uid: uid_t) -> String {
    guard let root = try? FileDescriptor.open("/", O_PATH | O_DIRECTORY),
      // Not blocking: a FIFO in its place must not hold the runtime.
      let file = try? root.open(
        "etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, resolve: [.inRoot, .noMagicLinks]),
      let status = try? file.status(), status.st_mode & mode_t(S_IFMT) == mode_t(S_IFREG),
      let bytes = try? file.readAll(limit: 1 << 20, "/etc/passwd")
    else { return "/" }
    return find(uid: uid, in: bytes) ?? "/"
  }

  /// The sixth field of the first line whose third is the uid.
  static func find(uid: uid_t, in passwd: [UInt8]) -> String? {
    let wanted = Array(String(uid).utf8)
    for line in passwd.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
      guard fields.count >= 6, fields[2].elementsEqual(wanted), !fields[5].isEmpty,
        !fields[5].contains(0)
      else { continue }
      return String(decoding: fields[5], as: UTF8.self)
    }
    return nil
  }
}
