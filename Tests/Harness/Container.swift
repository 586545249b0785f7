import Foundation

/// One bundle with its id, and the runtime's verbs for it.
public final class Container: @unchecked Sendable {
  public let sandbox: Sandbox
  public let id: String
  public let bundle: String
  public var config: Config
  public let isolation: Isolation
  /// What the container writes when nobody waits for it.
  public var outputPath: String { "\(bundle)/output" }
  public var rootfs: String { "\(bundle)/rootfs" }

  /// A further container of a bundle that is already written.
  public init(
    _ sandbox: Sandbox, id: String, bundle: String, config: Config = .standard,
    isolation: Isolation = .standard
  ) {
    self.sandbox = sandbox
    self.id = id
    self.bundle = bundle
    self.config = config
    self.isolation = isolation
  }

  public func write() throws {
    try config.data.write(to: URL(fileURLWithPath: "\(bundle)/config.json"))
  }

  /// Whether the runtime's root still holds something of this container.
  public var hasState: Bool {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: sandbox.root)) ?? []
    return names.contains { $0 == id }
  }

  /// `run`, in the foreground unless the options detach it.
  public func run(_ options: String..., input: Input = .null, timeout: Double? = nil) throws
    -> Outcome
  {
    let detached = options.contains("--detach") || options.contains("-d")
    return try spawn("run", options, input: input, detached: detached)
      .finish(timeout: timeout ?? isolation.timeout)
  }

  /// Starts `run` in the foreground and returns at once.
  public func start(
    foreground options: [String] = [], input: Input = .null, terminal: Bool = false,
    output: Output = .captured, error: Output = .captured
  ) throws -> Child {
    try sandbox.spawn(
      isolation.options + ["run", "--bundle", bundle] + options + [id], input: input,
      output: output, error: error, terminal: terminal)
  }

  public func create(_ options: String..., extra: [Int32] = [], input: Input = .null) throws
    -> Outcome
  {
    try spawn("create", options, input: input, detached: true, extra: extra)
      .finish(timeout: isolation.timeout)
  }

  private func spawn(
    _ verb: String, _ options: [String], input: Input, detached: Bool, extra: [Int32] = []
  ) throws -> Child {
    // The container keeps the descriptors, so its output goes to a file. The runtime's own messages
    // are captured; a container that writes to its standard error must redirect it.
    try sandbox.spawn(
      isolation.options + [verb, "--bundle", bundle] + options + [id], input: input,
      output: detached ? .file(outputPath) : .captured, extra: extra)
  }

  /// A verb on this container: `verb [options] id [arguments]`.
  public func verb(
    _ name: String, _ options: [String] = [], _ arguments: [String] = [], input: Input = .null
  ) throws -> Outcome {
    try sandbox.spawn([name] + options + [id] + arguments, input: input)
      .finish(timeout: isolation.timeout)
  }

  public func start() throws -> Outcome { try verb("start") }
  @discardableResult
  public func delete(force: Bool = false) throws -> Outcome {
    try verb("delete", force ? ["--force"] : [])
  }
  public func kill(_ signal: String...) throws -> Outcome { try verb("kill", [], signal) }
  public func pause() throws -> Outcome { try verb("pause") }
  public func resume() throws -> Outcome { try verb("resume") }

  /// `exec [options] id command…`
  public func exec(_ options: [String] = [], _ command: String..., input: Input = .null) throws
    -> Outcome
  {
    try verb("exec", options, command, input: input)
  }
  public func sh(_ script: String) throws -> Outcome { try exec([], "/bin/sh", "-c", script) }

  /// The state as `state` prints it.
  public func state() throws -> [String: Any] {
    let result = try verb("state").ok("state")
    guard
      let object = try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any]
    else { throw HarnessError("state is no object: \(result)") }
    return object
  }
  public func status() throws -> String { try state()["status"] as? String ?? "" }
  public func pid() throws -> Int32 { Int32(try state()["pid"] as? Int ?? -1) }
  public func process() throws -> ProcessView { ProcessView(try pid()) }
  public func waits(for status: String, timeout: Double? = nil) -> Bool {
    eventually(timeout: timeout ?? isolation.timeout / 3) { (try? self.status()) == status }
  }

  public func output() -> String { Machine.read(outputPath) ?? "" }
  public func waitsForOutput(_ text: String, timeout: Double? = nil) -> Bool {
    eventually(timeout: timeout ?? isolation.timeout / 3) { self.output().contains(text) }
  }

  /// Writes a file into the root filesystem, from outside.
  public func put(_ path: String, _ text: String, mode: mode_t = 0o644) throws {
    try ExecutableFile.write {
      try text.write(toFile: "\(rootfs)/\(path)", atomically: false, encoding: .utf8)
    }
    chmod("\(rootfs)/\(path)", mode)
  }
  public func makeDirectory(_ path: String) throws {
    try FileManager.default.createDirectory(
      atPath: "\(rootfs)/\(path)", withIntermediateDirectories: true)
  }
}
