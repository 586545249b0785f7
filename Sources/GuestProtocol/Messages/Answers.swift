public import JSON

/// The agent's first word.
public struct Hello: Sendable, Equatable {
  /// The version of the messages that it speaks.
  public var `protocol`: Int = Int(Frame.version)
  /// The release of the guest's kernel.
  public var kernel = ""
  /// The version of the agent.
  public var agent = ""

  public init(kernel: String, agent: String) {
    self.kernel = kernel
    self.agent = agent
  }
}

extension Hello: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init(kernel: "", agent: "")
    var version: Int?
    let start = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "protocol": try json.read(&version)
      case "kernel": kernel = GuestMessage.printable(try json.string())
      case "agent": agent = GuestMessage.printable(try json.string())
      default: try json.skip()
      }
    }
    `protocol` = try json.require(version, "protocol", in: start)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("protocol", `protocol`)
    json.member("kernel", kernel)
    json.member("agent", agent)
    json.endObject()
  }
}

/// Why the guest did not do what it was asked for, as a `RuntimeError` has it.
public struct Failure: Sendable, Equatable {
  public var message = ""
  public var advice: String?
  /// The code that the runtime ends with; 126 and 127 as the shell has them.
  public var exitCode: Int32 = 1

  public init(_ message: String, advice: String? = nil, exitCode: Int32 = 1) {
    self.message = message
    self.advice = advice
    self.exitCode = exitCode
  }
}

extension Failure: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init("")
    var text: String?
    let start = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "message": try json.read(&text)
      case "advice": try json.read(&advice)
      case "exitCode":
        let offset = json.valueOffset()
        exitCode = try json.integer()
        if exitCode < 1 || exitCode > 255 {
          throw json.invalid("is no exit code of a failure", at: offset)
        }
      default: try json.skip()
      }
    }
    message = GuestMessage.printable(try json.require(text, "message", in: start))
    advice = advice.map(GuestMessage.printable)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("message", message)
    json.member("advice", advice)
    json.member("exitCode", exitCode)
    json.endObject()
  }
}

/// How a process ended.
public struct Exit: Sendable, Equatable {
  /// 0 to 255; 128 + n when signal n ended it.
  public var code: Int32
  public var signal: Int32?

  public init(code: Int32, signal: Int32? = nil) {
    self.code = code
    self.signal = signal
  }
}

extension Exit: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var code: Int32?
    var signal: Int32?
    let start = try json.beginObject()
    while let key = try json.nextKey() {
      let offset = json.valueOffset()
      switch key {
      case "code":
        let number: Int32 = try json.integer()
        if number < 0 || number > 255 { throw json.invalid("is no exit code", at: offset) }
        code = number
      case "signal":
        try json.read(&signal)
        if let signal, signal < 1 || signal > 64 {
          throw json.invalid("is no signal", at: offset)
        }
      default: try json.skip()
      }
    }
    self.init(code: try json.require(code, "code", in: start), signal: signal)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("code", code)
    json.member("signal", signal)
    json.endObject()
  }
}

/// A process of the guest's container, as `ps` shows it.
public struct GuestProcess: Sendable, Equatable {
  /// The pids are those of the guest's first pid namespace.
  public var pid: Int32 = 0
  public var ppid: Int32 = 0
  public var uid: UInt32 = 0
  /// When it started, in seconds since 1970.
  public var startTime: Int64 = 0
  public var cpuSeconds: UInt64 = 0
  /// The terminal without `/dev/`, or `?`.
  public var tty = "?"
  public var command = ""

  public init() {}
}

extension GuestProcess: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "pid": try json.read(&pid)
      case "ppid": try json.read(&ppid)
      case "uid": try json.read(&uid)
      case "startTime": try json.read(&startTime)
      case "cpuSeconds": try json.read(&cpuSeconds)
      case "tty": tty = JSONPlace.printable(try json.string(), limit: 16)
      case "command": command = GuestMessage.printable(try json.string())
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("pid", pid)
    json.member("ppid", ppid)
    json.member("uid", uid)
    json.member("startTime", startTime)
    json.member("cpuSeconds", cpuSeconds)
    json.member("tty", tty)
    json.member("command", command)
    json.endObject()
  }
}
