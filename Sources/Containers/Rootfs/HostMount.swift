/// A line of /proc/PID/mountinfo, as far as `--no-pivot` needs it (proc_pid_mountinfo(5)).
struct HostMount: Equatable {
  let id: UInt64
  let parent: UInt64
  /// What of the file system it shows: `/` for the whole.
  let root: String
  let path: String
  let type: String

  /// The file systems that show the kernel rather than files.
  var isOfKernel: Bool { type == "proc" || type == "sysfs" }
  var isWhole: Bool { root == "/" }

  static func parse(_ table: [UInt8]) -> [HostMount] {
    table.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let fields = line.split(separator: UInt8(ascii: " "))
      guard fields.count > 6,
        let id = UInt64(String(decoding: fields[0], as: UTF8.self)),
        let parent = UInt64(String(decoding: fields[1], as: UTF8.self)),
        let separator = fields[6...].firstIndex(where: { $0.elementsEqual("-".utf8) }),
        separator + 1 < fields.count
      else { return nil }
      return HostMount(
        id: id, parent: parent, root: unescaped(fields[3]), path: unescaped(fields[4]),
        type: String(decoding: fields[separator + 1], as: UTF8.self))
    }
  }

  /// Those that are neither the mount `top` nor below it, in the order of the table.
  static func outside(_ top: UInt64, _ mounts: [HostMount]) -> [HostMount] {
    var parents: [UInt64: UInt64] = [:]
    for mount in mounts { parents[mount.id] = mount.parent }
    return mounts.filter { mount in
      var id = mount.id
      // A table read while it changed might lead in a circle.
      for _ in 0...mounts.count {
        if id == top { return false }
        guard let parent = parents[id], parent != id else { return true }
        id = parent
      }
      return true
    }
  }

  /// `\040` and its kin back into bytes.
  private static func unescaped(_ field: ArraySlice<UInt8>) -> String {
    var bytes: [UInt8] = []
    var rest = field
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      guard byte == UInt8(ascii: "\\"), digits.count == 3,
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      else {
        bytes.append(byte)
        continue
      }
      bytes.append(value)
      rest = rest.dropFirst(3)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
