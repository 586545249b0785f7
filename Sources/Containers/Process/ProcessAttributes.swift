internal import CLinux
internal import Isolation
internal import Linux
internal import OCISpec

/// What `process` of config.json makes of a clone of the runtime (config.md, "Process").
///
/// Made by the runtime before the clone, so that behind it little is left to do but system calls:
/// `prepare` in the container's root, `execute` when the start has come.
final class ProcessAttributes {
  private let process: Spec.Process
  private let personality: Spec.Linux.Personality?
  private let capabilities: CapabilitySets
  private let limits: ResourceLimits
  private let labels: SecurityLabels
  private let identity: Identity
  private let filter: SystemCallFilter?
  /// The user as the host sees it; nil without a user namespace, or when it is not mapped.
  private let hostUser: uid_t?
  private let workingDirectory: WorkingDirectory
  private let descriptors: InheritedDescriptors
  private let arguments: CStringArray
  private var environment: Environment
  private var variables: CStringArray
  private var executable: Executable?
  private var isInPlace = false
  private let warnings: [String]

  init(
    _ process: Spec.Process, spec: Spec, id: ContainerID, preserveFDs: Int,
    hasUserNamespace: Bool, cacheDirectory: String?
  ) throws(RuntimeError) {
    self.process = process
    personality = spec.linux.personality
    capabilities = CapabilitySets(process.capabilities)
    limits = try ResourceLimits(raisingOwnFor: process.rlimits)
    labels = try SecurityLabels(process)
    identity = Identity(
      user: process.user, hasUserNamespace: hasUserNamespace,
      keepsGroups: spec.annotations[Identity.keepGroupsAnnotation] != nil)
    hostUser =
      hasUserNamespace
      ? StandardStreams.hostUser(process.user.uid, spec.linux.uidMappings) : nil
    workingDirectory = WorkingDirectory(path: process.cwd)
    descriptors = InheritedDescriptors(preserved: preserveFDs)
    var warnings = capabilities.warning.map { [$0] } ?? []
    if let seccomp = spec.linux.seccomp {
      filter = try SystemCallFilter(seccomp, cacheDirectory: cacheDirectory) {
        warnings.append($0)
      }
    } else {
      filter = nil
    }
    self.warnings = warnings
    arguments = CStringArray(process.args)
    environment = Environment(process.env)
    variables = CStringArray(environment.entries)
  }

  /// Whether the process, before it executes, waits for nothing but its start.
  var asksNothing: Bool { !process.terminal && !(filter?.needsListener ?? false) }

  /// Gives the user of a user namespace the standard streams, which nobody inside it can do; in
  /// the runtime, before the clone.
  func giveStreams() throws(RuntimeError) {
    if let hostUser { try StandardStreams.giveTo(uid: hostUser) }
  }

  /// All that can fail before the start, in the container's root and with the runtime's rights.
  func prepare(_ channel: LaunchChannel) throws(RuntimeError) {
    for warning in warnings {
      try step("container process") { () throws(SystemError) in
        try channel.send(.warning(warning))
      }
    }
    try process.scheduler?.apply()
    try process.ioPriority?.apply()
    try personality?.apply()
    isInPlace = try workingDirectory.enter()
    if environment["HOME"] == nil {
      environment.add("HOME", HomeDirectory.find(uid: process.user.uid))
      variables = CStringArray(environment.entries)
    }
    executable = try Executable.find(
      process.args[0], searchPath: environment["PATH"], isInPlace: isInPlace)
  }

  /// Gives up the runtime's rights and executes the program; returns only by a throw.
  func execute(_ channel: LaunchChannel) throws(RuntimeError) -> Never {
    guard let executable else { throw RuntimeError("process: it was not prepared") }
    try labels.apply()
    try descriptors.closeOthers(but: channel.socket.rawValue)
    cl_reset_signals()
    try capabilities.limitBounding()
    try StandardStreams.giveTo(uid: process.user.uid)
    try identity.assume()
    if !isInPlace { try workingDirectory.enterAsUser() }
    try WorkingDirectory.checkReachable()
    try limits.apply()
    if process.noNewPrivileges {
      try capabilities.apply()
      try step("process.noNewPrivileges") { () throws(SystemError) in
        try system("prctl", "PR_SET_NO_NEW_PRIVS") { cl_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }
      }
      try filter?.load(channel)
    } else {
      // Needs CAP_SYS_ADMIN, and so comes before the last rights go: the filter has to allow
      // capset and prctl, as it has for runc.
      if let filter {
        if process.user.uid != 0 { try CapabilitySets.makePermittedEffective() }
        try filter.load(channel)
      }
      try capabilities.apply()
    }
    throw executable.execute(arguments, variables)
  }

  /// Hands the seccomp listener of the process to the agent.
  func deliver(
    _ listener: SharedDescriptor, pid: pid_t, _ state: State
  ) throws(RuntimeError) {
    guard let filter else {
      throw RuntimeError("linux.seccomp: an unexpected listener of process \(pid)")
    }
    try filter.deliver(listener, state)
  }
}
