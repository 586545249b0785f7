public import CLinux
public import Linux

/// A process between its clone and its exec, as its parent holds it.
public final class Launched: LaunchedProcess {
  public let pid: Int32
  public let pidfd: SharedDescriptor
  public let console: SharedDescriptor?
  private let channel: LaunchChannel
  private let answers: LaunchAttendant.Answers
  /// Whether the process was told to execute already.
  private let hasWord: Bool

  public init(
    pid: pid_t, pidfd: SharedDescriptor, console: SharedDescriptor?, channel: LaunchChannel,
    _ answers: LaunchAttendant.Answers, hasWord: Bool = false
  ) {
    self.pid = pid
    self.pidfd = pidfd
    self.console = console
    self.channel = channel
    self.answers = answers
    self.hasWord = hasWord
  }

  public func start() throws(RuntimeError) {
    if !hasWord {
      do { try channel.proceed() } catch {
        throw RuntimeError("container process", error)
      }
    }
    let (answers, pid) = (answers, pid)
    try channel.awaitExec { listener throws(RuntimeError) in try answers.listener?(listener, pid) }
    channel.socket.close()
  }

  /// Lets the process wait for `start` on its own: the runtime may end now.
  public func leave() throws(RuntimeError) {
    try step("container process") { () throws(SystemError) in try channel.proceed() }
    channel.socket.close()
  }

  public func abort() { Self.abort(pid: pid, pidfd: pidfd.rawValue) }

  /// Kills a child by its pidfd and waits for it, so that nothing of it is left.
  public static func abort(pid: pid_t, pidfd: CInt) {
    if pidfd >= 0 { _ = cl_pidfd_send_signal(pidfd, SIGKILL) } else { _ = cl_kill(pid, SIGKILL) }
    var status: CInt = 0
    while unsafe cl_waitpid(pid, &status, 0) == -EINTR {}
  }
}
