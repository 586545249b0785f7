internal import CLinux
internal import Linux

/// The kernels that are on this machine without anybody naming one.
struct InstalledKernels {
  /// Each may hold a kernel by itself, the first before the others.
  var directories: [String]
  /// Kernels of the machine's own distribution: those that have their modules.
  var boot: String
  var modules: String

  /// What `hack/kernel` made, what was installed with swrun, what the distribution has.
  init() {
    let cache = Environment.value("XDG_CACHE_HOME").flatMap { $0.hasPrefix("/") ? $0 : nil }
    let kernels = (cache ?? "/root/.cache") + "/swrun/kernels"
    directories = [
      kernels + "/small", kernels + "/debian", "/usr/local/share/swrun", "/usr/share/swrun",
    ]
    boot = "/boot"
    modules = "/lib/modules"
  }

  init(directories: [String], boot: String, modules: String) {
    self.directories = directories
    self.boot = boot
    self.modules = modules
  }

  var places: [String] { directories + [boot] }

  /// The path of the first; of several versions in a directory, the newest.
  func find() -> String? {
    for directory in directories {
      if let name = Self.newest(in: directory, where: { _ in true }) {
        return directory + "/" + name
      }
    }
    let name = Self.newest(in: boot) { name in
      // Without its modules a distribution's kernel finds no root.
      !name.version.isEmpty && File.exists(modules + "/" + name.version)
    }
    return name.map { boot + "/" + $0 }
  }

  private static func newest(
    in directory: String, where fits: (KernelFileName) -> Bool
  ) -> String? {
    guard let handle = try? FileDescriptor.open(directory, O_RDONLY | O_DIRECTORY),
      let entries = try? handle.entries(directory)
    else { return nil }
    return entries.map { KernelFileName($0) }.filter { $0.isKernel && fits($0) }.max()?.name
  }
}

/// The name of a file that may be a kernel: `vmlinux` or `vmlinuz`, with a version or without.
struct KernelFileName: Comparable {
  let name: String
  /// What follows the first hyphen; empty without one.
  let version: String
  private let stem: Substring

  init(_ path: String) {
    name = String(
      path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[path.index(after: $0)...] } ?? path[...]
    )
    let parts = name.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    stem = parts.first ?? ""
    version = parts.count > 1 && (stem == "vmlinux" || stem == "vmlinuz") ? String(parts[1]) : ""
  }

  var isKernel: Bool { stem == "vmlinux" || stem == "vmlinuz" }

  /// By version, in which numbers count as numbers; of the same one, ELF is the better kernel.
  static func < (left: KernelFileName, right: KernelFileName) -> Bool {
    switch compare(Array(left.version.utf8), Array(right.version.utf8)) {
    case 0: left.stem == "vmlinuz" && right.stem == "vmlinux"
    case let order: order < 0
    }
  }

  /// Below 0, 0, or above 0: runs of digits by their value, all else byte by byte.
  private static func compare(_ left: [UInt8], _ right: [UInt8]) -> Int {
    func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    var (left, right) = (left[...], right[...])
    while let one = left.first, let other = right.first {
      if isDigit(one) && isDigit(other) {
        let first = left.prefix(while: isDigit).drop { $0 == UInt8(ascii: "0") }
        let second = right.prefix(while: isDigit).drop { $0 == UInt8(ascii: "0") }
        if first.count != second.count { return first.count - second.count }
        if first.lexicographicallyPrecedes(second) { return -1 }
        if second.lexicographicallyPrecedes(first) { return 1 }
        left = left.drop(while: isDigit)
        right = right.drop(while: isDigit)
      } else {
        // A release candidate comes before the release (6.12~rc1 before 6.12).
        if one != other {
          return one == UInt8(ascii: "~")
            ? -1 : other == UInt8(ascii: "~") ? 1 : Int(one) - Int(other)
        }
        left = left.dropFirst()
        right = right.dropFirst()
      }
    }
    return left.isEmpty ? (right.isEmpty ? 0 : -1) : 1
  }
}
