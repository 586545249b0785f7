internal import CLinux
internal import Linux

/// Where the programs that belong to swrun lie: beside it, or in a libexec directory.
enum Programs {
  /// Opened for execution, and the path for messages.
  static func open(_ name: String) throws(RuntimeError) -> (file: SharedDescriptor, path: String) {
    let directories = directories()
    for directory in directories {
      let path = directory + "/" + name
      if let file = try? FileDescriptor.open(path, O_RDONLY) {
        return (SharedDescriptor(file), path)
      }
    }
    throw RuntimeError(
      "\(name) is not there: looked in \(directories.joined(separator: ", "))",
      advice: "install swrun as a whole: hack/install")
  }

  private static func directories() -> [String] {
    var found: [String] = []
    for own in ownPaths() {
      guard let slash = own.utf8.lastIndex(of: UInt8(ascii: "/")), slash != own.startIndex else {
        continue
      }
      let directory = String(own[..<slash])
      found += [directory, directory + "/../libexec/swrun"]
    }
    return found + ["/usr/local/libexec/swrun", "/usr/libexec/swrun"]
  }

  /// The path of this program as it was started; behind its read-only view the kernel knows none.
  private static func ownPaths() -> [String] {
    let own = try? File.readLink("/proc/self/exe")
    let original = ProgramOrigin.path
    return [original, own].compactMap { $0 }.filter { $0.utf8.count > 1 }
  }
}
