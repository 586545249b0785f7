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
