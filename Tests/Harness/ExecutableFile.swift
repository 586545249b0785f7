import CHarness
import Foundation

/// Files that are executed soon after they were written.
public enum ExecutableFile {
  /// Writes them; while it does, no child of this process is born with a descriptor of them.
  public static func write<Result>(_ body: () throws -> Result) rethrows -> Result {
    ch_hold_spawns()
    defer { ch_release_spawns() }
    return try body()
  }

  public static func copy(_ source: String, to target: String) throws {
    try write { try FileManager.default.copyItem(atPath: source, toPath: target) }
  }
}
