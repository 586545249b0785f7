import CHarness
import Foundation

/// What carries a sandbox's tag and should be gone: mounts, cgroups, processes, state.
struct Leaks: CustomStringConvertible {
  var mounts: [String] = []
  var cgroups: [String] = []
  var processes: [String] = []
  var pids: [Int32] = []
  var states: [String] = []

  var isEmpty: Bool {
    mounts.isEmpty && cgroups.isEmpty && processes.isEmpty && states.isEmpty
  }
  var description: String {
    (mounts.map { "mount \($0)" } + cgroups.map { "cgroup \($0)" }
      + processes.map { "process \($0)" } + states.map { "state \($0)" }).joined(separator: "\n")
  }

  init(tag: String, directory: String, root: String) {
    mounts = MountEntry.own().map(\.point).filter { $0.hasPrefix(directory + "/") }
    for hierarchy in Machine.hierarchies {
      Leaks.walk(hierarchy.path, depth: 0) { if $0.contains(tag) { cgroups.append($0) } }
    }
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let pid = Int32(name), pid != getpid(), ProcessView(pid).isAlive else { continue }
      // The environment for the runtime's own processes, the cgroup for what runs inside, the
      // command line for both when they cleared the environment.
      let found = ["cgroup", "cmdline", "environ"].first { file in
        (Machine.read("/proc/\(pid)/\(file)") ?? "").contains(tag)
      }
      guard let found else { continue }
      pids.append(pid)
      processes.append("\(pid) \(ProcessView(pid).commandLine) (by its \(found))")
    }
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    states = entries.filter { $0.contains(tag) }.map { "\(root)/\($0)" }
  }

  private static func walk(_ path: String, depth: Int, _ visit: (String) -> Void) {
    guard depth < 8, let stream = opendir(path) else { return }
    var children: [String] = []
    while let entry = readdir(stream) {
      guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { children.append("\(path)/\(name)") }
    }
    closedir(stream)
    for child in children {
      visit(child)
      walk(child, depth: depth + 1, visit)
    }
  }

  /// Removes by hand what the runtime left, so that one failure does not spoil other tests.
  func clear() {
    for pid in pids { Foundation.kill(pid, SIGKILL) }
    for hierarchy in Machine.hierarchies where hierarchy.controllers.contains("freezer") {
      for path in cgroups where path.hasPrefix(hierarchy.path + "/") {
        try? "THAWED".write(
          toFile: path + "/freezer.state", atomically: false, encoding: .utf8)
      }
    }
    for point in mounts.reversed() { _ = try? host("umount", "-l", point) }
    usleep(100_000)
    for path in cgroups.reversed() { rmdir(path) }
  }

  /// Removes a directory without ever going through a mount.
  static func removeTree(_ path: String) {
    guard !MountEntry.own().contains(where: { $0.point.hasPrefix(path + "/") }) else { return }
    _ = try? Child(["/bin/rm", "-rf", "--one-file-system", path], environment: baseEnvironment)
      .finish()
  }
}
