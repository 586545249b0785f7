public import CLinux
public import Linux

/// The time between the start of a container's process and its end, as `run` and `exec` spend it:
/// signals and the terminal go to the process, its exit code comes back.
///
/// Made before the process, so that no signal is lost between its start and `wait`. From then on
/// signals are blocked; a child that executes something must call `cl_reset_signals` first.
public struct Foreground: ~Copyable {
  private var signals: sigset_t

  /// With `subreaper` this process becomes the parent of processes that lose theirs, and reaps
  /// them.
  public init(subreaper: Bool) throws(RuntimeError) {
    signals = cl_forwarded_signals()
    var signals = signals
    try step("foreground") { () throws(SystemError) in
      try system("sigprocmask") { unsafe cl_sigprocmask(SIG_BLOCK, &signals, nil) }
      if subreaper { try system("prctl", "PR_SET_CHILD_SUBREAPER") { cl_set_subreaper(true) } }
    }
  }

  /// Waits for the child, which has our streams: its exit code, 128 + n when signal n ended it.
  public consuming func wait(for child: pid_t) throws(RuntimeError) -> CInt {
    let child = Child(pid: child)
    var sender: pid_t = 0
    while true {
      if let code = try step("wait", { () throws(SystemError) in try child.reap() }) { return code }
      let signal = unsafe cl_wait_signal(&signals, &sender)
      if signal > 0 && signal != SIGCHLD { child.forward(signal, from: sender) }
    }
  }

  /// Waits for the child, whose terminal has `master` as its other side: copies our input to it
  /// and its output to us, in raw mode when we sit at a terminal ourselves.
  public consuming func wait(
    for child: pid_t, terminal: SharedDescriptor
  ) throws(RuntimeError) -> CInt {
    let child = Child(pid: child)
    var signals = signals
    guard let master = terminal.take() else {
      throw RuntimeError("terminal of the container: its master side is gone")
    }
    do throws(SystemError) {
      var relay = try TerminalRelay(master: master, signals: &signals)
      while true {
        if let code = try child.reap() {
          try relay.finish()
          return code
        }
        let (signal, sender) = try relay.nextSignal()
        switch signal {
        case SIGCHLD: continue
        case SIGWINCH: relay.resize()
        case SIGCONT: relay.continueAfterStop()
        default: break
        }
        if signal != SIGWINCH { child.forward(signal, from: sender) }
      }
    } catch { throw RuntimeError("terminal of the container", error) }
  }

  /// The process that is waited for; its number stays its own until it is reaped here.
  private struct Child {
    let pid: pid_t

    /// Reaps every child that has ended: the exit code once this one is among them.
    func reap() throws(SystemError) -> CInt? {
      while true {
        var status: CInt = 0
        let ended = unsafe cl_waitpid(-1, &status, WNOHANG)
        if ended == pid { return cl_exit_code(status) }
        if ended == 0 { return nil }
        if ended < 0 && ended != -EINTR {
          throw SystemError(-ended, "waitpid", "\(pid)")
        }
      }
    }

    func forward(_ signal: CInt, from sender: pid_t) {
      // Our own write to a closed pipe is no message to the container, nor is what we were
      // started to ignore.
      if signal == SIGPIPE && sender == getpid() { return }
      if cl_is_ignored(signal) { return }
      // It can only fail for a process that has ended or that changed its user; both are no
      // reason to give up on it.
      _ = cl_kill(pid, signal)
    }
  }
}
