import Foundation

/// What this machine is able to do; tests that need more say so when they are skipped.
public enum Machine {
  public enum CgroupMode: Sendable {
    case none, legacy, hybrid, unified
  }

  public static let isRoot = geteuid() == 0

  /// The test machine of hack/testbed has all that is needed, and a real /dev/kvm.
  public static let isTestbed = ProcessInfo.processInfo.environment["SWRUN_TESTBED"] != nil

  /// One mounted hierarchy: the controllers (or "name=systemd", or "" for v2) and its mount point.
  public struct Hierarchy: Sendable {
    public let controllers: [String]
    public let path: String
    public var isUnified: Bool { controllers.isEmpty }
  }

  public static let hierarchies: [Hierarchy] = MountEntry.own().compactMap { mount in
    switch mount.type {
    case "cgroup2": return Hierarchy(controllers: [], path: mount.point)
    case "cgroup":
      let known = ["rw", "ro", "xattr", "clone_children", "noprefix"]
      let names = mount.superOptions.filter {
        !known.contains($0) && !$0.hasPrefix("release_agent=")
      }
      return Hierarchy(controllers: names, path: mount.point)
    default: return nil
    }
  }

  public static let cgroups: CgroupMode = {
    let unified = hierarchies.contains { $0.isUnified }
    let legacy = hierarchies.contains { !$0.isUnified }
    if unified && legacy { return .hybrid }
    return unified ? .unified : legacy ? .legacy : .none
  }()

  public static func hasController(_ name: String) -> Bool {
    hierarchies.contains { hierarchy in
      if !hierarchy.isUnified { return hierarchy.controllers.contains(name) }
      let v2 = name == "blkio" ? "io" : name
      return words("\(hierarchy.path)/cgroup.controllers").contains(v2)
    }
  }

  public static func hasV1(_ controller: String) -> Bool {
    isRoot && hierarchies.contains { $0.controllers.contains(controller) }
  }

  /// v2 has a freezer in every cgroup, v1 where its hierarchy is mounted.
  public static var canFreeze: Bool { hasV1("freezer") || (isRoot && cgroups == .unified) }

  public static func has(program: String) -> Bool { access(Child.find(program), X_OK) == 0 }
  public static func hasNamespace(_ name: String) -> Bool {
    access("/proc/self/ns/\(name)", F_OK) == 0
  }
  public static let kernel: (major: Int, minor: Int) = {
    let release = read("/proc/sys/kernel/osrelease") ?? "0.0"
    let parts = release.split { $0 == "." || $0 == "-" }.prefix(2).compactMap { Int($0) }
    return parts.count == 2 ? (parts[0], parts[1]) : (0, 0)
  }()
  public static func kernelIsAtLeast(_ major: Int, _ minor: Int) -> Bool {
    (kernel.major, kernel.minor) >= (major, minor)
  }

  public static func hasCapability(_ number: Int) -> Bool {
    guard let text = ProcStatus(read("/proc/self/status") ?? "")["CapEff"],
      let mask = UInt64(text, radix: 16)
    else { return false }
    return mask >> UInt64(number) & 1 == 1
  }
  public static let hasSysResource = hasCapability(24)

  /// A filesystem of this type can be mounted here.
  public static func hasFilesystem(_ name: String) -> Bool {
    (read("/proc/filesystems") ?? "").split(separator: "\n")
      .contains { $0.split(separator: "\t").last.map(String.init) == name }
  }

  public static func read(_ path: String) -> String? {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    return String(decoding: data, as: UTF8.self)
  }

  static func words(_ path: String) -> [String] {
    (read(path) ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
  }
}
