/// A cpio archive in the format "newc", as Linux unpacks it at its start (Documentation/driver-api/
/// early-userspace/buffer-format.rst). The same entries give the same bytes.
struct ArchiveWriter {
  private(set) var bytes: [UInt8] = []
  private var count: UInt32 = 0

  private static let directoryType: UInt32 = 0o040000
  private static let fileType: UInt32 = 0o100000
  private static let characterDeviceType: UInt32 = 0o020000

  mutating func directory(_ name: String, mode: UInt32 = 0o755) {
    entry(name, Self.directoryType | mode, [])
  }

  mutating func file(_ name: String, mode: UInt32 = 0o644, _ contents: [UInt8]) {
    entry(name, Self.fileType | mode, contents)
  }

  mutating func characterDevice(_ name: String, mode: UInt32, major: UInt32, minor: UInt32) {
    entry(name, Self.characterDeviceType | mode, [], major: major, minor: minor)
  }

  /// The end, which the kernel looks for.
  mutating func finish() { entry("TRAILER!!!", 0, []) }

  private mutating func entry(
    _ name: String, _ mode: UInt32, _ contents: [UInt8], major: UInt32 = 0, minor: UInt32 = 0
  ) {
    count += 1
    bytes += Array("070701".utf8)
    let links: UInt32 = mode & Self.directoryType == Self.directoryType ? 2 : 1
    let size = UInt32(contents.count)
    // The order is ino, mode, uid, gid, nlink, mtime, filesize, two of the device that it is on,
    // two of the device that it is, namesize, check.
    for field in [
      count, mode, 0, 0, links, 0, size, 0, 0, major, minor, UInt32(name.utf8.count + 1), 0,
    ] {
      hexadecimal(field)
    }
    bytes += Array(name.utf8) + [0]
    align()
    bytes += contents
    align()
  }

  private mutating func hexadecimal(_ value: UInt32) {
    for shift in stride(from: UInt32(28), through: 0, by: -4) {
      let digit = UInt8(value >> shift & 15)
      bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
    }
  }

  private mutating func align() {
    while bytes.count % 4 != 0 { bytes.append(0) }
  }
}
