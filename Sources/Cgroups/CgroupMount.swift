/// A mounted cgroup filesystem, as a line of /proc/PID/mountinfo has it (proc_pid_mountinfo(5)).
struct CgroupMount: Equatable {
  let version: CgroupVersion
  /// The directory of the hierarchy that the mount shows as its root.
  let root: String
  let mountPoint: String
  /// The options of the filesystem: controllers and `name=` on v1.
  let options: [String]

  /// The cgroup mounts in the table, in its order; lines that cannot be read are left out.
  static func parse(_ table: [UInt8]) -> [CgroupMount] {
    table.split(separator: UInt8(ascii: "\n")).compactMap { line in
      // 34 24 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu
      let fields = line.split(separator: UInt8(ascii: " "))
      guard fields.count >= 9,
        let separator = fields[6...].firstIndex(where: { $0.elementsEqual("-".utf8) }),
        separator + 3 < fields.count
      else { return nil }
      let version: CgroupVersion
      if fields[separator + 1].elementsEqual("cgroup".utf8) {
        version = .v1
      } else if fields[separator + 1].elementsEqual("cgroup2".utf8) {
        version = .v2
      } else {
        return nil
      }
      return CgroupMount(
        version: version, root: unescape(fields[3]), mountPoint: unescape(fields[4]),
        options: fields[separator + 3].split(separator: UInt8(ascii: ",")).map {
          String(decoding: $0, as: UTF8.self)
        })
    }
  }

  /// Whether this is the hierarchy that /proc/PID/cgroup calls `key`.
  func holds(_ key: String) -> Bool {
    if key.isEmpty { return version == .v2 }
    return version == .v1
      && key.split(separator: ",").allSatisfy { name in options.contains { $0 == name } }
  }

  /// Where a path of /proc/PID/cgroup is below the mount point.
  ///
  /// A container that sees only a part of a hierarchy has that part as `root`, and without a
  /// cgroup namespace its own path starts with it. A path outside of what is mounted cannot be
  /// reached: the mount point stands for it.
  static func relative(_ path: String, to root: String) -> String {
    // A process outside of its cgroup namespace has `/../x`, one in a removed cgroup `/x (deleted)`.
    if path.utf8.starts(with: "/..".utf8) || path.hasSuffix(" (deleted)") { return "/" }
    if root == "/" { return path }
    guard path.utf8.starts(with: root.utf8) else { return "/" }
    let rest = path.utf8.dropFirst(root.utf8.count)
    return rest.first == UInt8(ascii: "/") ? String(Substring(rest)) : "/"
  }

  /// `\040` and its kin back into bytes.
  private static func unescape(_ field: ArraySlice<UInt8>) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(field.count)
    var index = field.startIndex
    while index < field.endIndex {
      if field[index] == UInt8(ascii: "\\"), index + 3 < field.endIndex,
        let value = octal(field[(index + 1)...(index + 3)])
      {
        bytes.append(value)
        index += 4
      } else {
        bytes.append(field[index])
        index += 1
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func octal(_ digits: ArraySlice<UInt8>) -> UInt8? {
    var value = 0
    for digit in digits {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "7") else { return nil }
      value = value * 8 + Int(digit - UInt8(ascii: "0"))
    }
    return UInt8(exactly: value)
  }
}
