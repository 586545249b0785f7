public import JSON

extension Spec.Linux {
  /// The system call filter (config-linux.md, "Seccomp").
  public struct Seccomp: Sendable, Equatable {
    /// The action for system calls that no rule names.
    public var defaultAction: Action
    /// The errno of the default action; when absent, EPERM.
    public var defaultErrnoRet: UInt32?
    /// The architectures besides the native one.
    public var architectures: [Architecture]
    /// The flags of seccomp(2); absent leaves them to the runtime, empty is none.
    public var flags: [Flag]?
    /// The socket that gets the descriptor of a `notify` filter.
    public var listenerPath: String?
    /// What the socket gets with the descriptor.
    public var listenerMetadata: String?
    /// The rules.
    public var syscalls: [Syscall]

    public init(
      defaultAction: Action, defaultErrnoRet: UInt32? = nil, architectures: [Architecture] = [],
      flags: [Flag]? = nil, listenerPath: String? = nil, listenerMetadata: String? = nil,
      syscalls: [Syscall] = []
    ) {
      self.defaultAction = defaultAction
      self.defaultErrnoRet = defaultErrnoRet
      self.architectures = architectures
      self.flags = flags
      self.listenerPath = listenerPath
      self.listenerMetadata = listenerMetadata
      self.syscalls = syscalls
    }
  }
}

extension Spec.Linux.Seccomp: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var defaultAction: Action?
    var defaultErrnoRet: UInt32?
    var architectures: [Architecture] = []
    var flags: [Flag]?
    var listenerPath: String?
    var listenerMetadata: String?
    var syscalls: [Syscall] = []
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "defaultAction": try json.read(&defaultAction)
      case "defaultErrnoRet": try json.read(&defaultErrnoRet)
      case "architectures": try json.read(&architectures)
      case "flags": try json.read(&flags)
      case "listenerPath": try json.nonEmpty(&listenerPath)
      case "listenerMetadata": try json.nonEmpty(&listenerMetadata)
      case "syscalls": try json.read(&syscalls)
      default: try json.skip()
      }
    }
    self.init(
      defaultAction: try json.require(defaultAction, "defaultAction", in: object),
      defaultErrnoRet: defaultErrnoRet,
      architectures: architectures,
      flags: flags,
      listenerPath: listenerPath,
      listenerMetadata: listenerMetadata,
      syscalls: syscalls)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("defaultAction", defaultAction)
    json.member("defaultErrnoRet", defaultErrnoRet)
    json.member("architectures", architectures, omitting: [])
    json.member("flags", flags)
    json.member("listenerPath", listenerPath)
    json.member("listenerMetadata", listenerMetadata)
    json.member("syscalls", syscalls, omitting: [])
    json.endObject()
  }
}

extension Spec.Linux.Seccomp {
  /// A rule of the filter.
  public struct Syscall: Sendable, Equatable {
    /// The names of the system calls.
    public var names: [String]
    /// The action when every argument matches.
    public var action: Action
    /// The errno of the action; when absent, EPERM.
    public var errnoRet: UInt32?
    /// The conditions on the arguments.
    public var args: [Argument]

    public init(names: [String], action: Action, errnoRet: UInt32? = nil, args: [Argument] = []) {
      self.names = names
      self.action = action
      self.errnoRet = errnoRet
      self.args = args
    }
  }
}

extension Spec.Linux.Seccomp.Syscall: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var names: [String]?
    var action: Spec.Linux.Seccomp.Action?
    var errnoRet: UInt32?
    var args: [Spec.Linux.Seccomp.Argument] = []
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "names": try json.read(&names)
      case "action": try json.read(&action)
      case "errnoRet": try json.read(&errnoRet)
      case "args": try json.read(&args)
      default: try json.skip()
      }
    }
    self.init(
      names: try json.require(names, "names", in: object),
      action: try json.require(action, "action", in: object),
      errnoRet: errnoRet,
      args: args)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("names", names)
    json.member("action", action)
    json.member("errnoRet", errnoRet)
    json.member("args", args, omitting: [])
    json.endObject()
  }
}

extension Spec.Linux.Seccomp {
  /// A condition on an argument of a system call.
  public struct Argument: Sendable, Equatable {
    /// The index of the argument, from 0 to 5.
    public var index: UInt32
    /// The value that is compared; the mask for `maskedEqual`.
    public var value: UInt64
    /// The value after the mask for `maskedEqual`.
    public var valueTwo: UInt64
    /// The comparison.
    public var op: Operator

    public init(index: UInt32, value: UInt64, valueTwo: UInt64 = 0, op: Operator) {
      self.index = index
      self.value = value
      self.valueTwo = valueTwo
      self.op = op
    }
  }
}

extension Spec.Linux.Seccomp.Argument: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var index: UInt32?
    var value: UInt64?
    var valueTwo: UInt64 = 0
    var op: Spec.Linux.Seccomp.Operator?
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "index": try json.read(&index)
      case "value": try json.read(&value)
      case "valueTwo": try json.read(&valueTwo)
      case "op": try json.read(&op)
      default: try json.skip()
      }
    }
    self.init(
      index: try json.require(index, "index", in: object),
      value: try json.require(value, "value", in: object),
      valueTwo: valueTwo,
      op: try json.require(op, "op", in: object))
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("index", index)
    json.member("value", value)
    json.member("valueTwo", valueTwo, omitting: 0)
    json.member("op", op)
    json.endObject()
  }
}

extension Spec.Linux.Seccomp {
  /// What happens to a system call (seccomp_rule_add(3)).
  public enum Action: String, Sendable, CaseIterable {
    case kill = "SCMP_ACT_KILL"
    case killProcess = "SCMP_ACT_KILL_PROCESS"
    case killThread = "SCMP_ACT_KILL_THREAD"
    case trap = "SCMP_ACT_TRAP"
    case errno = "SCMP_ACT_ERRNO"
    case trace = "SCMP_ACT_TRACE"
    case allow = "SCMP_ACT_ALLOW"
    case log = "SCMP_ACT_LOG"
    case notify = "SCMP_ACT_NOTIFY"
  }
}

extension Spec.Linux.Seccomp.Action: JSONEnumeration {}

extension Spec.Linux.Seccomp {
  /// A comparison of an argument (seccomp_rule_add(3)).
  public enum Operator: String, Sendable, CaseIterable {
    case notEqual = "SCMP_CMP_NE"
    case less = "SCMP_CMP_LT"
    case lessOrEqual = "SCMP_CMP_LE"
    case equal = "SCMP_CMP_EQ"
    case greaterOrEqual = "SCMP_CMP_GE"
    case greater = "SCMP_CMP_GT"
    case maskedEqual = "SCMP_CMP_MASKED_EQ"
  }
}

extension Spec.Linux.Seccomp.Operator: JSONEnumeration {}

extension Spec.Linux.Seccomp {
  /// A flag of seccomp(2).
  public enum Flag: String, Sendable, CaseIterable {
    case threadSync = "SECCOMP_FILTER_FLAG_TSYNC"
    case log = "SECCOMP_FILTER_FLAG_LOG"
    case specAllow = "SECCOMP_FILTER_FLAG_SPEC_ALLOW"
    case waitKillableRecv = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"
  }
}

extension Spec.Linux.Seccomp.Flag: JSONEnumeration {}

extension Spec.Linux.Seccomp {
  /// An architecture of libseccomp (seccomp_arch_add(3)).
  public enum Architecture: String, Sendable, CaseIterable {
    case x86 = "SCMP_ARCH_X86"
    case x86_64 = "SCMP_ARCH_X86_64"
    case x32 = "SCMP_ARCH_X32"
    case arm = "SCMP_ARCH_ARM"
    case aarch64 = "SCMP_ARCH_AARCH64"
    case loongarch64 = "SCMP_ARCH_LOONGARCH64"
    case m68k = "SCMP_ARCH_M68K"
    case mips = "SCMP_ARCH_MIPS"
    case mips64 = "SCMP_ARCH_MIPS64"
    case mips64n32 = "SCMP_ARCH_MIPS64N32"
    case mipsel = "SCMP_ARCH_MIPSEL"
    case mipsel64 = "SCMP_ARCH_MIPSEL64"
    case mipsel64n32 = "SCMP_ARCH_MIPSEL64N32"
    case ppc = "SCMP_ARCH_PPC"
    case ppc64 = "SCMP_ARCH_PPC64"
    case ppc64le = "SCMP_ARCH_PPC64LE"
    case riscv64 = "SCMP_ARCH_RISCV64"
    case s390 = "SCMP_ARCH_S390"
    case s390x = "SCMP_ARCH_S390X"
    case parisc = "SCMP_ARCH_PARISC"
    case parisc64 = "SCMP_ARCH_PARISC64"
    case sh = "SCMP_ARCH_SH"
    case sheb = "SCMP_ARCH_SHEB"
  }
}

extension Spec.Linux.Seccomp.Architecture: JSONEnumeration {}
