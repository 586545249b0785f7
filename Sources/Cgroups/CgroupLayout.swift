internal import CLinux
public import Linux

/// Which cgroup hierarchies this machine has, where they are mounted, and where the caller is.
public struct CgroupLayout: Sendable, Equatable {
  /// One mounted hierarchy.
  public struct Hierarchy: Sendable, Equatable {
    /// Its field in /proc/PID/cgroup: `memory`, `cpu,cpuacct`, `name=systemd`; empty for v2.
    public let key: String
    /// The absolute path it is mounted on.
    public let mountPoint: String
    /// The caller's cgroup below the mount point: `/`, or `/a/b`.
    public let ownPath: String
    /// The directory of the hierarchy that the mount point shows: `/`, but in some containers.
    public let root: String

    public init(key: String, mountPoint: String, ownPath: String, root: String = "/") {
      self.key = key
      self.mountPoint = mountPoint
      self.ownPath = ownPath
      self.root = root
    }

    public var isUnified: Bool { key.isEmpty }
  }

  /// The hierarchies in the order of /proc/self/cgroup, newest first and v2 last.
  public let hierarchies: [Hierarchy]

  public init(hierarchies: [Hierarchy]) { self.hierarchies = hierarchies }

  /// Whether v2 is the only hierarchy.
  public var isUnified: Bool { hierarchies.count == 1 && hierarchies[0].isUnified }

  /// Reads the layout from /proc/self/cgroup, and from /proc/self/mountinfo only where a
  /// hierarchy is not mounted where systemd and its kin mount it.
  public static func detect() throws(RuntimeError) -> CgroupLayout {
    let memberships = try step("cgroups", advice: "the kernel needs CONFIG_CGROUPS and /proc") {
      () throws(SystemError) in
      Membership.parse(try File.read("/proc/self/cgroup"))
    }
    if let layout = conventional(memberships, isCgroup: fileSystemType) { return layout }
    let table = try step("cgroups") { () throws(SystemError) in
      // A host with thousands of containers has megabytes of mounts.
      try File.read("/proc/self/mountinfo", limit: 256 << 20)
    }
    return CgroupLayout(memberships, mounts: CgroupMount.parse(table))
  }

  /// The layout when every hierarchy is where it is by custom; nil when one is not.
  ///
  /// One statfs a hierarchy answers two questions: whether the path is in a cgroup filesystem,
  /// and whether the caller's own cgroup is to be found below this mount.
  static func conventional(
    _ memberships: [Membership], isCgroup: (String) -> CgroupVersion?
  ) -> CgroupLayout? {
    var result: [Hierarchy] = []
    result.reserveCapacity(memberships.count)
    let root = "/sys/fs/cgroup"
    let isPure = memberships.contains { $0.key.isEmpty } && isCgroup(root) == .v2
    for membership in memberships {
      let mountPoint: String
      if membership.key.isEmpty {
        mountPoint = isPure ? root : root + "/unified"
      } else if isPure {
        // A v1 hierarchy beside a v2 that stands on top of everything: mounted who knows where.
        return nil
      } else {
        mountPoint = root + "/" + Self.directoryName(of: membership.key)
      }
      let own = membership.path == "/" ? mountPoint : mountPoint + membership.path
      guard isCgroup(own) == (membership.key.isEmpty ? .v2 : .v1) else { return nil }
      result.append(
        Hierarchy(key: membership.key, mountPoint: mountPoint, ownPath: membership.path))
    }
    return result.isEmpty ? nil : CgroupLayout(hierarchies: result)
  }

  /// The name of a hierarchy by its key, `systemd` for `name=systemd`; nil for one of controllers.
  public static func name(of key: String) -> String? {
    let prefix = "name=".utf8
    guard key.utf8.starts(with: prefix) else { return nil }
    return String(decoding: key.utf8.dropFirst(prefix.count), as: UTF8.self)
  }

  /// The directory below /sys/fs/cgroup on which the hierarchy of a key is mounted by custom.
  public static func directoryName(of key: String) -> String { name(of: key) ?? key }

  /// The layout that the two files describe; hierarchies that are not mounted are left out.
  init(_ memberships: [Membership], mounts: [CgroupMount]) {
    hierarchies = memberships.compactMap { membership in
      // The last mount on a mount point is the one that is seen; the root of a hierarchy is
      // better than a part of it.
      let matching = mounts.filter { $0.holds(membership.key) }
      guard let mount = matching.last(where: { $0.root == "/" }) ?? matching.last else {
        return nil
      }
      return Hierarchy(
        key: membership.key, mountPoint: mount.mountPoint,
        ownPath: CgroupMount.relative(membership.path, to: mount.root), root: mount.root)
    }
  }
}

/// The two generations of the cgroup interface.
enum CgroupVersion: Sendable { case v1, v2 }

/// Which cgroup filesystem `path` is in; nil when it is in none or does not exist.
func fileSystemType(_ path: String) -> CgroupVersion? {
  var status = statfs()
  guard unsafe cl_statfs(path, &status) == 0 else { return nil }
  return CgroupVersion(status)
}

extension CgroupVersion {
  init?(_ status: statfs) {
    switch Int(status.f_type) {
    case Int(CGROUP_SUPER_MAGIC): self = .v1
    case Int(CGROUP2_SUPER_MAGIC): self = .v2
    default: return nil
    }
  }
}

/// A line of /proc/PID/cgroup: the cgroup of a process in one hierarchy (cgroups(7)).
struct Membership: Equatable {
  let key: String
  let path: String

  init(key: String, path: String) {
    self.key = key
    self.path = path
  }

  /// `9:name=systemd:/a` and `0::/a`; the path may hold colons.
  static func parse(_ text: [UInt8]) -> [Membership] {
    var result: [Membership] = []
    var rest = text[...]
    while !rest.isEmpty {
      let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
      if let membership = Membership(line: rest[..<end]) { result.append(membership) }
      rest = rest[end...].dropFirst()
    }
    return result
  }

  private init?(line: ArraySlice<UInt8>) {
    let colon = UInt8(ascii: ":")
    guard let number = line.firstIndex(of: colon) else { return nil }
    let named = line[number...].dropFirst()
    guard let name = named.firstIndex(of: colon) else { return nil }
    let path = named[name...].dropFirst()
    guard path.first == UInt8(ascii: "/") else { return nil }
    self.init(
      key: String(decoding: named[..<name], as: UTF8.self),
      path: String(decoding: path, as: UTF8.self))
  }
}
