import Foundation

/// The runtime under test: $SWRUN, else the release build, else the debug build.
public enum Runtime {
  public enum Kind: String, Sendable {
    case swrun, crun, runc
  }

  public static let path: String = {
    if let given = ProcessInfo.processInfo.environment["SWRUN"], !given.isEmpty { return given }
    let package = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    for build in ["release", "debug"] {
      let path = "\(package)/.build/\(build)/swrun"
      if access(path, X_OK) == 0 { return path }
    }
    return "\(package)/.build/release/swrun"
  }()

  public static let kind: Kind = {
    switch URL(fileURLWithPath: path).lastPathComponent {
    case "crun": .crun
    case "runc": .runc
    default: .swrun
    }
  }()

  public static var isSwrun: Bool { kind == .swrun }
  public static func isOne(of kinds: [Kind]) -> Bool { kinds.contains(kind) }

  /// What starts a runtime of this kind, before its own arguments.
  public static func command(_ kind: Kind, path: String? = nil) -> [String] {
    let program = path ?? Child.find(kind.rawValue)
    // crun 1.8.1 refuses a hybrid hierarchy with a controller on the v2 side, whatever its manager:
    // in a mount namespace where that side is not mounted it works on the v1 side.
    if kind == .crun, Machine.cgroups == .hybrid {
      return [
        "/usr/bin/unshare", "-m", "--propagation", "slave", "/bin/sh", "-c",
        "umount /sys/fs/cgroup/unified && exec \"$0\" \"$@\"", program,
      ]
    }
    return [program]
  }

  static let ours: [String] = command(kind, path: path)
}
