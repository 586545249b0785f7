public import JSON

extension Spec {
  /// The process of a container (config.md, "Process").
  public struct Process: Sendable, Equatable {
    /// True when the process gets a pseudo-terminal.
    public var terminal: Bool
    /// The size of the terminal, in characters.
    public var consoleSize: ConsoleSize?
    /// The user and groups of the process.
    public var user: User
    /// The command and its arguments.
    public var args: [String]
    /// The whole command line on Windows, which has no meaning on Linux.
    public var commandLine: String?
    /// The environment, each `NAME=value`.
    public var env: [String]
    /// The absolute working directory inside the container.
    public var cwd: String
    /// The five capability sets; when absent, the process keeps no capability.
    public var capabilities: Capabilities?
    /// The resource limits of the process.
    public var rlimits: [Rlimit]
    /// True when execve cannot give the process further privileges.
    public var noNewPrivileges: Bool
    /// The AppArmor profile of the process.
    public var apparmorProfile: String?
    /// The value of `oom_score_adj`, from -1000 to 1000; when absent, it stays as it is.
    public var oomScoreAdj: Int?
    /// The scheduling policy and its parameters.
    public var scheduler: Scheduler?
    /// The SELinux label of the process.
    public var selinuxLabel: String?
    /// The I/O priority of the process.
    public var ioPriority: IOPriority?
    /// The CPUs on which an exec'd process runs.
    public var execCPUAffinity: ExecCPUAffinity?

    public init(
      terminal: Bool = false, consoleSize: ConsoleSize? = nil, user: User = User(),
      args: [String] = [], commandLine: String? = nil, env: [String] = [], cwd: String,
      capabilities: Capabilities? = nil, rlimits: [Rlimit] = [], noNewPrivileges: Bool = false,
      apparmorProfile: String? = nil, oomScoreAdj: Int? = nil, scheduler: Scheduler? = nil,
      selinuxLabel: String? = nil, ioPriority: IOPriority? = nil,
      execCPUAffinity: ExecCPUAffinity? = nil
    ) {
      self.terminal = terminal
      self.consoleSize = consoleSize
      self.user = user
      self.args = args
      self.commandLine = commandLine
      self.env = env
      self.cwd = cwd
      self.capabilities = capabilities
      self.rlimits = rlimits
      self.noNewPrivileges = noNewPrivileges
      self.apparmorProfile = apparmorProfile
      self.oomScoreAdj = oomScoreAdj
      self.scheduler = scheduler
      self.selinuxLabel = selinuxLabel
      self.ioPriority = ioPriority
      self.execCPUAffinity = execCPUAffinity
    }
  }
}

extension Spec.Process: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init(cwd: "")
    var cwd: String?
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "terminal": try json.read(&terminal)
      case "consoleSize": try json.read(&consoleSize)
      case "user": try json.read(&user)
      case "args": args = try Self.arguments(&json)
      case "commandLine": try json.nonEmpty(&commandLine)
      case "env": try json.read(&env)
      case "cwd": try json.read(&cwd)
      case "capabilities": try json.read(&capabilities)
      case "rlimits": try json.read(&rlimits)
      case "noNewPrivileges": try json.read(&noNewPrivileges)
      case "apparmorProfile": try json.nonEmpty(&apparmorProfile)
      case "oomScoreAdj": try json.read(&oomScoreAdj)
      case "scheduler": try json.read(&scheduler)
      case "selinuxLabel": try json.nonEmpty(&selinuxLabel)
      case "ioPriority": try json.read(&ioPriority)
      case "execCPUAffinity": try json.read(&execCPUAffinity)
      default: try json.skip()
      }
    }
    self.cwd = try json.require(cwd, "cwd", in: object)
  }

  /// An integer among the arguments stands for its digits: `["sleep", 60]`, as crun takes it.
  private static func arguments(_ json: inout JSONReader) throws(JSONError) -> [String] {
    var arguments: [String] = []
    if try json.null() { return arguments }
    _ = try json.beginArray()
    while try json.nextElement() {
      arguments.append(
        json.isAtNumber ? String(try json.integer(Int64.self)) : try json.string())
    }
    return arguments
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("terminal", terminal, omitting: false)
    json.member("consoleSize", consoleSize)
    json.member("user", user)
    json.member("args", args, omitting: [])
    json.member("commandLine", commandLine)
    json.member("env", env, omitting: [])
    json.member("cwd", cwd)
    json.member("capabilities", capabilities)
    json.member("rlimits", rlimits, omitting: [])
    json.member("noNewPrivileges", noNewPrivileges, omitting: false)
    json.member("apparmorProfile", apparmorProfile)
    json.member("oomScoreAdj", oomScoreAdj)
    json.member("scheduler", scheduler)
    json.member("selinuxLabel", selinuxLabel)
    json.member("ioPriority", ioPriority)
    json.member("execCPUAffinity", execCPUAffinity)
    json.endObject()
  }
}

extension Spec.Process {
  /// The size of a terminal, in characters.
  public struct ConsoleSize: Sendable, Equatable {
    /// The number of lines.
    public var height: UInt
    /// The number of columns.
    public var width: UInt

    public init(height: UInt, width: UInt) {
      self.height = height
      self.width = width
    }
  }
}

extension Spec.Process.ConsoleSize: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var height: UInt?
    var width: UInt?
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "height": try json.read(&height)
      case "width": try json.read(&width)
      default: try json.skip()
      }
    }
    self.init(
      height: try json.require(height, "height", in: object),
      width: try json.require(width, "width", in: object))
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("height", height)
    json.member("width", width)
    json.endObject()
  }
}

extension Spec.Process {
  /// The user and groups of a process, as ids of the container's user namespace.
  public struct User: Sendable, Equatable {
    /// The user id.
    public var uid: UInt32
    /// The group id.
    public var gid: UInt32
    /// The file mode creation mask; when absent, it stays as it is.
    public var umask: UInt32?
    /// The supplementary group ids.
    public var additionalGids: [UInt32]
    /// The user name on Windows, which has no meaning on Linux.
    public var username: String?

    public init(
      uid: UInt32 = 0, gid: UInt32 = 0, umask: UInt32? = nil, additionalGids: [UInt32] = [],
      username: String? = nil
    ) {
      self.uid = uid
      self.gid = gid
      self.umask = umask
      self.additionalGids = additionalGids
      self.username = username
    }
  }
}

extension Spec.Process.User: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "uid": try json.read(&uid)
      case "gid": try json.read(&gid)
      case "umask": try json.read(&umask)
      case "additionalGids": try json.read(&additionalGids)
      case "username": try json.nonEmpty(&username)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("uid", uid)
    json.member("gid", gid)
    json.member("umask", umask)
    json.member("additionalGids", additionalGids, omitting: [])
    json.member("username", username)
    json.endObject()
  }
}

extension Spec.Process {
  /// The five capability sets of a process, as names such as `CAP_KILL`; an absent set is empty.
  public struct Capabilities: Sendable, Equatable {
    /// The set that limits what execve can give.
    public var bounding: [String]?
    /// The set that the kernel checks.
    public var effective: [String]?
    /// The set that is preserved across execve.
    public var inheritable: [String]?
    /// The set that limits the effective set.
    public var permitted: [String]?
    /// The set that an unprivileged program keeps across execve.
    public var ambient: [String]?

    public init(
      bounding: [String]? = nil, effective: [String]? = nil, inheritable: [String]? = nil,
      permitted: [String]? = nil, ambient: [String]? = nil
    ) {
      self.bounding = bounding
      self.effective = effective
      self.inheritable = inheritable
      self.permitted = permitted
      self.ambient = ambient
    }
  }
}

extension Spec.Process.Capabilities: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "bounding": try json.read(&bounding)
      case "effective": try json.read(&effective)
      case "inheritable": try json.read(&inheritable)
      case "permitted": try json.read(&permitted)
      case "ambient": try json.read(&ambient)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("bounding", bounding)
    json.member("effective", effective)
    json.member("inheritable", inheritable)
    json.member("permitted", permitted)
    json.member("ambient", ambient)
    json.endObject()
  }
}

extension Spec.Process {
  /// A resource limit of a process (getrlimit(2)).
  public struct Rlimit: Sendable, Equatable {
    /// The resource that is limited.
    public var type: Kind
    /// The ceiling of the soft limit, in the unit of the resource; `UInt64.max` is no limit.
    public var hard: UInt64
    /// The limit that the kernel enforces, in the unit of the resource.
    public var soft: UInt64

    public init(type: Kind, hard: UInt64, soft: UInt64) {
      self.type = type
      self.hard = hard
      self.soft = soft
    }
  }
}

extension Spec.Process.Rlimit: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var type: Kind?
    var hard: UInt64?
    var soft: UInt64?
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "type": try json.read(&type)
      case "hard": try json.read(&hard)
      case "soft": try json.read(&soft)
      default: try json.skip()
      }
    }
    self.init(
      type: try json.require(type, "type", in: object),
      hard: try json.require(hard, "hard", in: object),
      soft: try json.require(soft, "soft", in: object))
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("type", type)
    json.member("hard", hard)
    json.member("soft", soft)
    json.endObject()
  }
}

extension Spec.Process.Rlimit {
  /// A resource of getrlimit(2).
  public enum Kind: String, Sendable, CaseIterable {
    case addressSpace = "RLIMIT_AS"
    case core = "RLIMIT_CORE"
    case cpu = "RLIMIT_CPU"
    case data = "RLIMIT_DATA"
    case fileSize = "RLIMIT_FSIZE"
    case locks = "RLIMIT_LOCKS"
    case lockedMemory = "RLIMIT_MEMLOCK"
    case messageQueues = "RLIMIT_MSGQUEUE"
    case nice = "RLIMIT_NICE"
    case openFiles = "RLIMIT_NOFILE"
    case processes = "RLIMIT_NPROC"
    case residentSet = "RLIMIT_RSS"
    case realtimePriority = "RLIMIT_RTPRIO"
    case realtimeTime = "RLIMIT_RTTIME"
    case pendingSignals = "RLIMIT_SIGPENDING"
    case stack = "RLIMIT_STACK"
  }
}

extension Spec.Process.Rlimit.Kind: JSONEnumeration {}
