public import JSON

extension Spec {
  /// The commands that are run at points of the container's life (config.md, "POSIX-platform
  /// Hooks").
  public struct Hooks: Sendable, Equatable {
    /// Run in the runtime's namespaces after the namespaces exist; deprecated by the
    /// specification.
    public var prestart: [Hook]
    /// Run in the runtime's namespaces during create, before pivot_root.
    public var createRuntime: [Hook]
    /// Run in the container's namespaces during create, before pivot_root.
    public var createContainer: [Hook]
    /// Run in the container's namespaces during start, before the process.
    public var startContainer: [Hook]
    /// Run in the runtime's namespaces after the process was started.
    public var poststart: [Hook]
    /// Run in the runtime's namespaces after the container was deleted.
    public var poststop: [Hook]

    public init(
      prestart: [Hook] = [], createRuntime: [Hook] = [], createContainer: [Hook] = [],
      startContainer: [Hook] = [], poststart: [Hook] = [], poststop: [Hook] = []
    ) {
      self.prestart = prestart
      self.createRuntime = createRuntime
      self.createContainer = createContainer
      self.startContainer = startContainer
      self.poststart = poststart
      self.poststop = poststop
    }
  }
}

extension Spec.Hooks: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "prestart": try json.read(&prestart)
      case "createRuntime": try json.read(&createRuntime)
      case "createContainer": try json.read(&createContainer)
      case "startContainer": try json.read(&startContainer)
      case "poststart": try json.read(&poststart)
      case "poststop": try json.read(&poststop)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("prestart", prestart, omitting: [])
    json.member("createRuntime", createRuntime, omitting: [])
    json.member("createContainer", createContainer, omitting: [])
    json.member("startContainer", startContainer, omitting: [])
    json.member("poststart", poststart, omitting: [])
    json.member("poststop", poststop, omitting: [])
    json.endObject()
  }
}

extension Spec {
  /// A command that is run at a point of the container's life, with the state on its standard
  /// input.
  public struct Hook: Sendable, Equatable {
    /// The absolute path of the program.
    public var path: String
    /// The arguments, the name of the program first.
    public var args: [String]
    /// The environment, each `NAME=value`.
    public var env: [String]
    /// The time after which the hook is killed, in seconds; when absent, it is not limited.
    public var timeout: Int?

    public init(path: String, args: [String] = [], env: [String] = [], timeout: Int? = nil) {
      self.path = path
      self.args = args
      self.env = env
      self.timeout = timeout
    }
  }
}

extension Spec.Hook: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init(path: "")
    var path: String?
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "path": try json.read(&path)
      case "args": try json.read(&args)
      case "env": try json.read(&env)
      case "timeout": try json.read(&timeout)
      default: try json.skip()
      }
    }
    self.path = try json.require(path, "path", in: object)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("path", path)
    json.member("args", args, omitting: [])
    json.member("env", env, omitting: [])
    json.member("timeout", timeout)
    json.endObject()
  }
}
