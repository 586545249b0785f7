public import JSON
public import Linux

/// The directories that a container's cgroup has or is going to have, one a hierarchy.
///
/// It is known before anything is made: state that is written first lets `delete` find what a
/// killed `create` left behind.
public struct CgroupPlacement: Sendable, Equatable {
  /// The cgroup in one hierarchy.
  public struct Directory: Sendable, Equatable {
    /// As in `CgroupLayout.Hierarchy`.
    public let key: String
    /// The absolute path on the host.
    public let path: String

    public init(key: String, path: String) {
      self.key = key
      self.path = path
    }
  }

  public let directories: [Directory]
  /// The cgroup's path as config.json has it; nil when swrun chose it.
  public let cgroupsPath: String?
  /// Whether v2 is the only hierarchy of the machine.
  public let isUnified: Bool

  /// `paths` by hierarchy key, as the state file keeps it: what `delete`, `exec` and the others
  /// find the cgroup by.
  public var paths: JSONTexts { JSONTexts(firstOf: directories.map { ($0.key, $0.path) }) }

  /// A placement read back from the state file.
  public init(paths: JSONTexts) {
    // The v2 hierarchy, whose key is empty, is the last.
    directories = paths.reversed().map { Directory(key: $0.key, path: $0.value) }
    cgroupsPath = nil
    isUnified = directories.count == 1 && directories[0].key.isEmpty
  }

  init(directories: [Directory], cgroupsPath: String?, isUnified: Bool) {
    self.directories = directories
    self.cgroupsPath = cgroupsPath
    self.isUnified = isUnified
  }
}

extension CgroupLayout {
  /// Where the cgroup of a container goes.
  ///
  /// An absolute `cgroupsPath` starts at the mount point; a relative one, or the id in the absence
  /// of one, starts at the caller's own cgroup (v1), or beside it (v2 alone: a cgroup that has
  /// processes cannot have controllers for its children). `..` never leads above the start.
  public func placement(cgroupsPath: String?, id: String) throws(RuntimeError) -> CgroupPlacement {
    let given = cgroupsPath.flatMap { $0.isEmpty ? nil : $0 }
    let wanted = given ?? id
    if wanted.utf8.contains(0) || wanted.utf8.contains(UInt8(ascii: "\n")) {
      throw RuntimeError(
        "linux.cgroupsPath: the path has a NUL or a newline", advice: "choose another path")
    }
    guard let clean = cleaned(wanted) else {
      throw RuntimeError(
        "linux.cgroupsPath: \(wanted) names the cgroup that it starts from, not one below it",
        advice: "name a cgroup for the container, such as /\(id)")
    }
    let isAbsolute = wanted.utf8.first == UInt8(ascii: "/")
    let isPure = isUnified
    return CgroupPlacement(
      directories: hierarchies.map { hierarchy in
        var base = ""
        if !isAbsolute, let own = cleaned(hierarchy.ownPath) {
          base = own
          if isPure {
            base = base.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(base[..<$0]) } ?? ""
          }
        }
        let start = base.isEmpty ? hierarchy.mountPoint : hierarchy.mountPoint + "/" + base
        return CgroupPlacement.Directory(key: hierarchy.key, path: start + "/" + clean)
      },
      cgroupsPath: given, isUnified: isPure)
  }
}

/// The path without `.`, `..` and empty components, as seen from a root that `..` stops at; nil
/// when nothing is left.
///
/// It works on bytes: to a String a slash with a combining accent behind it is no slash.
func cleaned(_ path: String) -> String? {
  var components: [Substring.UTF8View] = []
  for component in path.utf8.split(separator: UInt8(ascii: "/")) {
    if component.elementsEqual(".".utf8) { continue }
    if component.elementsEqual("..".utf8) {
      _ = components.popLast()
    } else {
      components.append(component)
    }
  }
  guard let first = components.first else { return nil }
  var result = String(Substring(first))
  for component in components.dropFirst() {
    result += "/"
    result += String(Substring(component))
  }
  return result
}
