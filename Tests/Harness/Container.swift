import Foundation

/// One bundle with its id, and the runtime's verbs for it.
public final class Container: @unchecked Sendable {
  public let sandbox: Sandbox
  public let id: String
  public let bundle: String
  public var config: Config
  /// What the container writes when nobody waits for it.
  public var outputPath: String { "\(bundle)/output" }
  public var rootfs: String { "\(bundle)/rootfs" }

  /// A further container of a bundle that is already written.
  public init(
    _ sandbox: Sandbox, id: String, bundle: String, config: Config = .standard
  ) {
    self.sandbox = sandbox
    self.id = id
    self.bundle = bundle
    self.config = config
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
  public func run(_ options: String..., input: Input = .null, timeout: Double = 60) throws
    -> Outcome
  {
    let detached = options.contains("--detach") || options.contains("-d")
    return try spawn("run", options, input: input, detached: detached).finish(timeout: timeout)
  }

  /// Starts `run` in the foreground and returns at once.
  public func start(
    foreground options: [String] = [], input: Input = .null, terminal: Bool = false,
    output: Output = .captured, error: Output = .captured
  ) throws -> Child {
    try sandbox.spawn(
      ["run", "--bundle", bundle] + options + [id], input: input, output: output, error: error,
      terminal: terminal)
  }

  public func create(_ options: String..., extra: [Int32] = [], input: Input = .null) throws
    -> Outcome
  {
    try spawn("create", options, input: input, detached: true, extra: extra).finish()
  }

  private func spawn(
    _ verb: String, _ options: [String], input: Input, detached: Bool, extra: [Int32] = []
  ) throws -> Child {
    // The container keeps the descriptors, so its output goes to a file. The runtime's own messages
    // are captured; a container that writes to its standard error must redirect it.
    try sandbox.spawn(
      [verb, "--bundle", bundle] + options + [id], input: input,
      output: detached ? .file(outputPath) : .captured, extra: extra)
  }

  public func start() throws -> Outcome { try sandbox.swrun("start", id) }
  @discardableResult
  public func delete(force: Bool = false) throws -> Outcome {
    try force ? sandbox.swrun("delete", "--force", id) : sandbox.swrun("delete", id)
  }
  public func kill(_ signal: String...) throws -> Outcome {
    try sandbox.spawn(["kill", id] + signal).finish()
  }
  public func pause() throws -> Outcome { try sandbox.swrun("pause", id) }
  public func resume() throws -> Outcome { try sandbox.swrun("resume", id) }

  /// `exec [options] id command…`
  public func exec(_ options: [String] = [], _ command: String..., input: Input = .null) throws
    -> Outcome
  {
    try sandbox.spawn(["exec"] + options + [id] + command, input: input).finish()
  }
  public func sh(_ script: String) throws -> Outcome { try exec([], "/bin/sh", "-c", script) }

  /// The state as `state` prints it.
  public func state() throws -> [String: Any] {
    let result = try sandbox.swrun("state", id).ok("state")
    guard
      let object = try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any]
    else { throw HarnessError("state is no object: \(result)") }
    return object
  }
  public func status() throws -> String { try state()["status"] as? String ?? "" }
  public func pid() throws -> Int32 { Int32(try state()["pid"] as? Int ?? -1) }
  public func process() throws -> ProcessView { ProcessView(try pid()) }
  public func waits(for status: String, timeout: Double = 20) -> Bool {
    eventually(timeout: timeout) { (try? self.status()) == status }
  }

  public func output() -> String { Machine.read(outputPath) ?? "" }
  public func waitsForOutput(_ text: String, timeout: Double = 20) -> Bool {
    eventually(timeout: timeout) { self.output().contains(text) }
  }

  /// Writes a file into the root filesystem, from outside.
  public func put(_ path: String, _ text: String, mode: mode_t = 0o644) throws {
    try text.write(toFile: "\(rootfs)/\(path)", atomically: false, encoding: .utf8)
    chmod("\(rootfs)/\(path)", mode)
  }
  public func makeDirectory(_ path: String) throws {
    try FileManager.default.createDirectory(
      atPath: "\(rootfs)/\(path)", withIntermediateDirectories: true)
  }
}
