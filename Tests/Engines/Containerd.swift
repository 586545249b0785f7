import Foundation
import Harness
import Testing

/// A containerd of its own: content, snapshots, state, and sockets below one directory.
final class Containerd {
  let box: Sandbox
  let runtime: String
  static let image = "docker.io/local/busybox:1"
  /// Where containerd 1.6 puts the sockets of its shims, whatever its configuration says.
  private static let sockets = "/run/containerd/s"
  private static let hadSockets = access("/run/containerd", F_OK) == 0
  private let daemon: Child
  private var ids: [String] = []

  init(_ box: Sandbox) throws {
    self.box = box
    _ = Self.hadSockets
    runtime = try EngineRuntime.program(in: box)
    let config = box.path("config.toml")
    // All that is switched off is not used here and would write or warn elsewhere.
    try """
    version = 2
    root = "\(box.path("content"))"
    state = "\(box.path("containerd"))"
    disabled_plugins = [
      "io.containerd.grpc.v1.cri", "io.containerd.internal.v1.tracing",
      "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
      "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
      "io.containerd.tracing.processor.v1.otlp",
    ]
    [grpc]
      address = "\(box.path("grpc"))"
    [ttrpc]
      address = "\(box.path("ttrpc"))"
    [plugins."io.containerd.internal.v1.opt"]
      path = "\(box.path("opt"))"
    """.write(toFile: config, atomically: false, encoding: .utf8)
    daemon = try Child(
      ["containerd", "--config", config], environment: Self.environment(box),
      directory: box.directory, output: .file(box.path("log")), error: .file(box.path("log")))
    guard try eventually(timeout: 20, { try ctr("version").code == 0 }) else {
      throw HarnessError("containerd does not answer: \(Machine.read(box.path("log")) ?? "")")
    }
    try ctr("images", "import", imageArchive()).ok("import")
  }

  /// An image as `docker save` writes it.
  private func imageArchive() throws -> String {
    let layer = try rootfsArchive(in: box)
    let sum = try host("sha256sum", layer).ok("sha256sum").out.prefix(64)
    try """
    {"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin", "FROM=image"]},
     "rootfs": {"type": "layers", "diff_ids": ["sha256:\(sum)"]}}
    """.write(toFile: box.path("image.json"), atomically: false, encoding: .utf8)
    try #"""
    [{"Config": "image.json", "RepoTags": ["local/busybox:1"], "Layers": ["image.tar"]}]
    """#.write(toFile: box.path("manifest.json"), atomically: false, encoding: .utf8)
    try host(
      "tar", "-C", box.directory, "-cf", box.path("docker.tar"), "manifest.json", "image.json",
      "image.tar"
    ).ok("tar")
    return box.path("docker.tar")
  }

  private static func environment(_ box: Sandbox) -> [String: String] {
    box.environment.merging(["HOME": box.directory, "TMPDIR": box.directory]) { $1 }
  }

  func start(_ arguments: [String], input: Input = .null, terminal: PseudoTerminal? = nil) throws
    -> Child
  {
    let argv = ["ctr", "--address", box.path("grpc"), "--namespace", box.tag] + arguments
    let environment = Self.environment(box)
    guard let terminal else {
      return try Child(argv, environment: environment, directory: box.directory, input: input)
    }
    let fd = terminal.slave
    return try Child(
      argv, environment: environment, directory: box.directory, input: .fd(fd), output: .fd(fd),
      error: .fd(fd), terminal: true)
  }

  @discardableResult
  func ctr(_ arguments: String..., input: Input = .null) throws -> Outcome {
    try start(arguments, input: input).finish()
  }

  /// The arguments of `ctr run` for a container with this id.
  func arguments(_ id: String, _ options: [String], _ command: [String]) -> [String] {
    ids.append(id)
    // The runtime's own default root is what other tests see, so this is one of this test.
    return [
      "run", "--runc-binary", runtime, "--runc-root", box.path("runtime"), "--fifo-dir",
      box.path("fifo"),
    ] + options + [Self.image, id] + command
  }

  /// `ctr run --rm` in the foreground.
  func run(_ options: String..., sh script: String, input: Input = .null) throws -> Outcome {
    try start(arguments("c", ["--rm"] + options, ["sh", "-c", script]), input: input).finish()
  }

  /// `ctr run --detach`; what the container writes is lost.
  func running(_ id: String, _ options: String..., sh script: String = "exec sleep 1000") throws {
    try start(arguments(id, ["--detach", "--null-io"] + options, ["sh", "-c", script])).finish()
      .ok("run --detach")
  }

  /// `ctr task exec` with a name of its own.
  func exec(_ id: String, _ options: String..., sh script: String, input: Input = .null) throws
    -> Outcome
  {
    let arguments = ["task", "exec", "--exec-id", box.name("e")]
    return try start(
      arguments + ["--fifo-dir", box.path("fifo")] + options + [id, "sh", "-c", script],
      input: input
    ).finish()
  }

  /// The status as `ctr task ls` shows it, and the host's pid.
  func task(_ id: String) throws -> (status: String, pid: Int32)? {
    for line in try ctr("task", "ls").ok("task ls").lines {
      let words = line.split(separator: " ").map(String.init)
      if words.count == 3, words[0] == id { return (words[2], Int32(words[1]) ?? -1) }
    }
    return nil
  }

  func process(_ id: String) throws -> ProcessView { ProcessView(try task(id)?.pid ?? -1) }

  /// The path of the shim's socket of a container.
  func socket(_ id: String) throws -> String {
    let name = [box.path("grpc"), box.tag, id].joined(separator: "/")
    return "\(Self.sockets)/" + (try host("sha256sum", input: .text(name)).out.prefix(64))
  }

  func finish(_ location: SourceLocation) {
    do {
      for id in Set(ids) {
        if try task(id) != nil {
          _ = try ctr("task", "kill", "--signal", "KILL", "--all", id)
          _ = try eventually { try task(id)?.status != "RUNNING" }
          _ = try ctr("task", "delete", "--force", id)
        }
        _ = try ctr("container", "delete", id)
      }
      // A shim lives a moment longer than its last task.
      _ = eventually { ProcessView.all.allSatisfy { !$0.isShim(of: box.tag) } }
      daemon.signal(SIGTERM)
      _ = try daemon.finish(timeout: 20)
      for id in Set(ids) where access(try socket(id), F_OK) == 0 {
        Issue.record("the shim of \(id) left its socket", sourceLocation: location)
        unlink(try socket(id))
      }
      // The shim adds the namespace to the root. Names with a dot are the runtime's own.
      let root = "\(box.path("runtime"))/\(box.tag)"
      let states = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
      if states.contains(where: { !$0.hasPrefix(".") }) {
        Issue.record("the runtime's root still has \(states)", sourceLocation: location)
      }
    } catch {
      Issue.record("\(error)", sourceLocation: location)
    }
    if !Self.hadSockets {
      rmdir(Self.sockets)
      rmdir("/run/containerd")
    }
    removeCgroups(named: [box.tag])
  }
}

extension ProcessView {
  fileprivate func isShim(of namespace: String) -> Bool {
    isAlive && commandLine.first?.hasSuffix("containerd-shim-runc-v2") == true
      && commandLine.contains(namespace)
  }
}

/// Gives the body a containerd; everything of it is gone afterwards, or the test fails.
func withContainerd(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: (Containerd) throws -> Void
) throws {
  try withSandbox(sourceLocation: sourceLocation) { box in
    let containerd = try Containerd(box)
    defer { containerd.finish(sourceLocation) }
    try body(containerd)
  }
}
