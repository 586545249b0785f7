import Foundation
import Harness
import Testing

/// The runtime that the engines drive: $ENGINE_RUNTIME, else the one of all tests.
enum EngineRuntime {
  static let path: String = {
    let given = ProcessInfo.processInfo.environment["ENGINE_RUNTIME"] ?? ""
    return given.isEmpty ? Runtime.path : given
  }()

  static let kind = Runtime.Kind(rawValue: URL(fileURLWithPath: path).lastPathComponent) ?? .swrun

  static let machines = MachineSupport(of: path)

  /// The one path that an engine takes: the runtime's own, or a script where its command is longer.
  static func program(in box: Sandbox) throws -> String {
    let command = Runtime.command(kind, path: path)
    guard command.count > 1 else { return path }
    let script = box.path(kind.rawValue)
    let quoted = command.map { "'\($0)'" }.joined(separator: " ")
    try ExecutableFile.write {
      try "#!/bin/sh\nexec \(quoted) \"$@\"\n".write(
        toFile: script, atomically: false, encoding: .utf8)
    }
    chmod(script, 0o755)
    return script
  }

  /// The bundles below `directory` that the runtime still has a state of.
  static func states(below directory: String, root: [String] = []) throws -> [String] {
    let listed = try Child(
      Runtime.command(kind, path: path) + root + ["list", "--format", "json"],
      environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
    ).finish().ok("list")
    let states = try JSONSerialization.jsonObject(with: Data(listed.out.utf8))
    return (states as? [[String: Any]] ?? []).compactMap { $0["bundle"] as? String }
      .filter { $0.hasPrefix(directory + "/") }
  }
}

extension Trait where Self == ConditionTrait {
  static var podman: Self { .program("podman") }
  static var containerd: Self {
    .enabled(
      if: ["containerd", "ctr", "containerd-shim-runc-v2"].allSatisfy { Machine.has(program: $0) },
      "containerd is not installed")
  }
  /// What the other runtimes' Debian versions lack.
  static func engineNot(_ kinds: Runtime.Kind..., because reason: String) -> Self {
    .enabled(
      if: !kinds.contains(EngineRuntime.kind), "\(EngineRuntime.kind.rawValue): \(reason)")
  }
}

/// A tar file of a busybox root filesystem.
func rootfsArchive(in box: Sandbox) throws -> String {
  let tree = box.path("image")
  try Rootfs.make(tree)
  let archive = box.path("image.tar")
  try host("tar", "-C", tree, "-cf", archive, ".").ok("tar")
  return archive
}

/// Cgroups that an engine made for itself; the runtime's own must be gone by now.
func removeCgroups(named names: [String]) {
  for hierarchy in Machine.hierarchies {
    for name in names { rmdir("\(hierarchy.path)/\(name)") }
  }
}
