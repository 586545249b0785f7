import Foundation
import Harness
import Testing

/// A podman of its own: storage, state, locks, and configuration all below one directory.
final class Podman {
  let box: Sandbox
  let runtime: String
  /// Passed to the runtime before its verb, each without its dashes.
  var runtimeFlags: [String] = []
  static let image = "localhost/busybox:latest"

  init(_ box: Sandbox) throws {
    self.box = box
    runtime = try EngineRuntime.program(in: box)
    let tmp = box.path("tmp")
    try FileManager.default.createDirectory(atPath: tmp, withIntermediateDirectories: true)
    try write(
      "containers.conf",
      """
      [engine]
      cgroup_manager = "cgroupfs"
      events_logger = "file"
      lock_type = "file"
      runtime_supports_json = ["crun", "runc", "swrun"]
      static_dir = "\(box.path("static"))"
      tmp_dir = "\(tmp)"
      volume_path = "\(box.path("volumes"))"
      [network]
      network_config_dir = "\(box.path("networks"))"
      [containers]
      # podman asks for a million descriptors unless told otherwise; raising the limit takes
      # CAP_SYS_RESOURCE, which root on a test machine need not have.
      default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
      """)
    try write(
      "storage.conf",
      """
      [storage]
      driver = "vfs"
      graphroot = "\(box.path("storage"))"
      runroot = "\(box.path("run"))"
      """)
    try write("policy.json", #"{"default": [{"type": "insecureAcceptAnything"}]}"#)
    try write("registries.conf", "")
    try podman("import", rootfsArchive(in: box), Self.image).ok("import")
  }

  private func write(_ name: String, _ text: String) throws {
    try text.write(toFile: box.path(name), atomically: false, encoding: .utf8)
  }

  private var environment: [String: String] {
    box.environment.merging([
      "CONTAINERS_CONF": box.path("containers.conf"),
      "CONTAINERS_REGISTRIES_CONF": box.path("registries.conf"),
      "CONTAINERS_STORAGE_CONF": box.path("storage.conf"),
      "HOME": box.directory, "TMPDIR": box.path("tmp"),
    ]) { $1 }
  }

  func start(_ arguments: [String], input: Input = .null, terminal: PseudoTerminal? = nil) throws
    -> Child
  {
    let argv =
      [
        "podman", "--root", box.path("storage"), "--runroot", box.path("run"),
        "--tmpdir", box.path("tmp"), "--cgroup-manager", "cgroupfs", "--storage-driver", "vfs",
        "--events-backend", "file", "--runtime", runtime,
      ] + runtimeFlags.flatMap { ["--runtime-flag", $0] } + arguments
    guard let terminal else {
      return try Child(
        argv, environment: environment, directory: box.directory, input: input)
    }
    let fd = terminal.slave
    return try Child(
      argv, environment: environment, directory: box.directory, input: .fd(fd), output: .fd(fd),
      error: .fd(fd), terminal: true)
  }

  @discardableResult
  func podman(_ arguments: String..., input: Input = .null) throws -> Outcome {
    try start(arguments, input: input).finish()
  }

  /// The arguments of `verb` for a new container in the sandbox's cgroup and without a network.
  func arguments(_ verb: String, _ options: [String], _ command: [String]) -> [String] {
    let network = options.contains { $0.hasPrefix("--network") } ? [] : ["--network=none"]
    return [verb, "--cgroup-parent", "/\(box.tag)"] + network + options + [Self.image] + command
  }

  /// `podman run --rm` in the foreground, with a script of the shell as its command.
  func run(_ options: String..., sh script: String, input: Input = .null) throws -> Outcome {
    try start(arguments("run", ["--rm"] + options, ["sh", "-c", script]), input: input).finish()
  }

  /// `podman run -d`.
  func running(_ name: String, _ options: String..., sh script: String = "exec sleep 1000")
    throws
  {
    try start(arguments("run", ["-d", "--name", name] + options, ["sh", "-c", script])).finish()
      .ok("run -d")
  }

  func inspect(_ name: String, _ field: String) throws -> String {
    try podman("inspect", "--format", "{{\(field)}}", name).ok("inspect").line
  }

  /// The host's pid of a container's init.
  func process(_ name: String) throws -> ProcessView {
    ProcessView(Int32(try inspect(name, ".State.Pid")) ?? -1)
  }

  func waits(for text: String, in name: String) throws -> Bool {
    try eventually { try podman("logs", name).out.contains(text) }
  }

  func finish(_ location: SourceLocation) {
    do {
      let left = try podman("ps", "--all", "--quiet").ok("ps").lines
      if !left.isEmpty { try podman("rm", "--all", "--force", "--time", "0").ok("rm --all") }
      // conmon runs `podman container cleanup` at the end of each container, after `rm` returned.
      _ = eventually { ProcessView.all.allSatisfy { !$0.mentions(box.directory) } }
      let states = try EngineRuntime.states(below: box.directory)
      if !states.isEmpty {
        Issue.record("the runtime keeps a state of \(states)", sourceLocation: location)
      }
    } catch {
      Issue.record("\(error)", sourceLocation: location)
    }
    removeCgroups(named: ["\(box.tag)/conmon", box.tag])
  }
}

extension ProcessView {
  static var all: [ProcessView] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { Int32($0) }.map { ProcessView($0) }
  }
  func mentions(_ text: String) -> Bool {
    isAlive && pid != getpid() && commandLine.contains { $0.contains(text) }
  }
}

/// Gives the body a podman; everything of it is gone afterwards, or the test fails.
func withPodman(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: (Podman) throws -> Void
) throws {
  try withSandbox(sourceLocation: sourceLocation) { box in
    let podman = try Podman(box)
    defer { podman.finish(sourceLocation) }
    try body(podman)
  }
}
