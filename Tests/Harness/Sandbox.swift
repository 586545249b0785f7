import Foundation
import Testing

/// A test's own place: a directory, a state root, and a tag that marks all that it makes, so that
/// what is left behind can be told from what other tests do at the same time.
public final class Sandbox: @unchecked Sendable {
  public let tag: String
  public let directory: String
  /// The directory given as --root.
  public let root: String
  private let lock = NSLock()
  private var count = 0
  private var made: [Container] = []

  init() throws {
    var random = SystemRandomNumberGenerator()
    tag = "sw" + String(UInt32.random(in: 0x1000_0000...0xffff_ffff, using: &random), radix: 16)
    directory = "\(RunDirectory.path)/\(tag)"
    root = "\(directory)/state"
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true)
    chmod(directory, 0o755)
  }

  public var environment: [String: String] {
    var environment = baseEnvironment
    environment["SWRUN_TEST"] = tag
    return environment
  }

  /// Starts the runtime with these arguments; global options first.
  public func spawn(
    _ arguments: [String], runtime: [String]? = nil, environment: [String: String] = [:],
    directory: String? = nil, input: Input = .null, output: Output = .captured,
    error: Output = .captured, extra: [Int32] = [], terminal: Bool = false,
    identity: Identity = .same, root: String? = nil
  ) throws -> Child {
    var input = input
    // crun gives its standard input to the container's user, even where that is the host's null.
    if Runtime.kind == .crun, case .null = input { input = .text("") }
    return try Child(
      (runtime ?? Runtime.ours) + ["--root", root ?? self.root] + arguments,
      environment: self.environment.merging(environment) { $1 },
      directory: directory ?? self.directory, input: input, output: output, error: error,
      extra: extra, terminal: terminal, identity: identity)
  }

  /// Runs the runtime to its end.
  @discardableResult
  public func swrun(
    _ arguments: String..., environment: [String: String] = [:], directory: String? = nil,
    input: Input = .null, extra: [Int32] = [], timeout: Double = 60
  ) throws -> Outcome {
    try spawn(
      arguments, environment: environment, directory: directory, input: input, extra: extra
    ).finish(timeout: timeout)
  }

  /// A name that nothing else has; ids of containers must come from here to be cleaned up.
  public func name(_ hint: String = "c") -> String {
    lock.withLock {
      count += 1
      return "\(tag)-\(hint)\(count)"
    }
  }

  public func path(_ name: String) -> String { "\(directory)/\(name)" }

  /// A bundle with a root filesystem of its own, not yet created as a container.
  public func container(
    _ hint: String = "c", rootfs: Bool = true, isolation: Isolation = .standard,
    _ edit: (inout Config) throws -> Void = { _ in }
  ) throws -> Container {
    let id = name(hint)
    let bundle = path("bundle-\(id)")
    try FileManager.default.createDirectory(atPath: bundle, withIntermediateDirectories: true)
    if rootfs { try Rootfs.make("\(bundle)/rootfs") }
    var config = Config.standard
    config.env("SWRUN_TEST=\(tag)")
    try edit(&config)
    let container = Container(
      self, id: id, bundle: bundle, config: config, isolation: isolation)
    try container.write()
    remember(container)
    return container
  }

  public func remember(_ container: Container) { lock.withLock { made.append(container) } }

  /// Makes a bundle and runs it in the foreground to its end.
  public func run(
    input: Input = .null, timeout: Double? = nil, isolation: Isolation = .standard,
    _ edit: (inout Config) throws -> Void
  ) throws -> Outcome {
    try container("c", isolation: isolation, edit).run(input: input, timeout: timeout)
  }

  /// Makes a bundle whose process waits, and runs it detached.
  public func running(
    isolation: Isolation = .standard, _ edit: (inout Config) throws -> Void = { _ in }
  ) throws -> Container {
    let container = try container(isolation: isolation) {
      $0.args("/bin/sleep", "1000")
      try edit(&$0)
    }
    try container.run("--detach").ok("run --detach")
    return container
  }

  /// What carries this tag or id now, one a line.
  public func leaks(of tag: String) -> String {
    Leaks(tag: tag, directory: directory, root: root).description
  }

  func finish(_ location: SourceLocation) {
    for container in lock.withLock({ made }) where container.hasState {
      _ = try? container.delete(force: true)
    }
    var leaks = Leaks(tag: tag, directory: directory, root: root)
    // Killed processes take a moment to go.
    let clean = eventually(timeout: 3) {
      leaks = Leaks(tag: tag, directory: directory, root: root)
      return leaks.isEmpty
    }
    if !clean {
      Issue.record("left behind:\n\(leaks)", sourceLocation: location)
      leaks.clear()
    }
    Leaks.removeTree(directory)
  }
}

/// Gives the body a sandbox and fails the test when something is left of it afterwards. Containers
/// that the body leaves are deleted by force first.
public func withSandbox(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: (Sandbox) throws -> Void
) throws {
  let sandbox = try Sandbox()
  defer { sandbox.finish(sourceLocation) }
  try body(sandbox)
}
