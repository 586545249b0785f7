internal import CLinux
internal import Isolation
internal import Linux
internal import OCISpec
internal import Seccomp

/// The seccomp filter of a process, compiled before the clone and loaded just before the exec.
struct SystemCallFilter {
  private let seccomp: Spec.Linux.Seccomp
  private let filter: CompiledFilter

  init(
    _ seccomp: Spec.Linux.Seccomp, cacheDirectory: String?, warn: (String) -> Void
  ) throws(RuntimeError) {
    self.seccomp = seccomp
    filter = try CompiledFilter.prepare(seccomp, cacheDirectory: cacheDirectory, warn: warn)
    // The process passes the listener on by these; the agent could not answer for them yet.
    for (index, rule) in seccomp.syscalls.enumerated() where rule.action == .notify {
      if let name = rule.names.first(where: { $0 == "sendmsg" || $0 == "recvmsg" }) {
        throw RuntimeError(
          "linux.seccomp.syscalls[\(index)]: SCMP_ACT_NOTIFY cannot be used for \(name)",
          advice: "the process hands over the listener by it, before the agent can answer")
      }
    }
  }

  /// Whether `load` waits until the agent has the listener.
  var needsListener: Bool { filter.needsListener }

  /// Filters the calling process from now on, and waits until the agent has its listener.
  func load(_ channel: LaunchChannel) throws(RuntimeError) {
    do throws(SystemError) {
      guard let listener = try filter.load() else { return }
      try channel.send(.seccompListener(listener.rawValue))
      if try !channel.waitToProceed() { cl_exit(1) }
    } catch {
      throw RuntimeError(
        "linux.seccomp", error,
        advice: error.errno == EACCES
          ? "without process.noNewPrivileges the runtime needs CAP_SYS_ADMIN" : nil)
    }
  }

  /// Hands the listener to the agent of the configuration.
  func deliver(_ listener: SharedDescriptor, _ state: State) throws(RuntimeError) {
    try SeccompListener.deliver(listener.rawValue, seccomp, state)
  }
}
