public import CLinux
public import Linux

/// The runtime's side behind a clone: answers what the process asks for until that waits to
/// execute. One for launches and execs alike.
public struct LaunchAttendant {
  let channel: LaunchChannel
  /// The process that answers: a stage first, where there is one.
  private(set) var pid: pid_t
  private var pidfd: SharedDescriptor
  /// The terminal's master side; given where the process does not make the terminal itself.
  public var console: SharedDescriptor?
  let consoleSocket: String?
  let pidfdSocket: String?
  let warn: (String) -> Void
  /// Whether the process waits for a word when `answers.known` is done.
  public var tellsWhenKnown = false
  /// Whether the word to execute is given beforehand: the process finds it when it is set up, and waits for nobody.
  public var startsUnasked = false

  /// What only one kind of launch is asked for; the other's is a message that makes no sense.
  public var answers = Answers()

  public struct Answers {
    /// Write the id maps of the process's user namespace.
    public var mappings: ((pid_t) throws(RuntimeError) -> Void)?
    /// The process that becomes the container's exists now; it waits meanwhile.
    public var known: ((pid_t) throws(RuntimeError) -> Void)?
    /// Run the hooks of the runtime's side.
    public var hooks: ((pid_t) throws(RuntimeError) -> Void)?
    /// Hand on the seccomp listener.
    public var listener: ((SharedDescriptor, pid_t) throws(RuntimeError) -> Void)?
    /// What is known of a process that ended without a word; what happened comes with it.
    public var ended: ((String) -> RuntimeError)?
  }

  public init(
    channel: LaunchChannel, pid: pid_t, pidfd: SharedDescriptor, consoleSocket: String?,
    pidfdSocket: String?, warn: @escaping (String) -> Void
  ) {
    self.channel = channel
    self.pid = pid
    self.pidfd = pidfd
    self.consoleSocket = consoleSocket
    self.pidfdSocket = pidfdSocket
    self.warn = warn
  }

  /// Brings the process to where it waits to execute; when this throws the process is gone.
  public mutating func attend(isStage: Bool) throws(RuntimeError) -> Launched {
    do {
      if !isStage { try answers.known?(pid) }
      if tellsWhenKnown { try proceed() }
      if startsUnasked { try proceed() }
      // The kernel's wait for that is spent while the process works.
      cl_binary_view_close()
      return try answer()
    } catch {
      Launched.abort(pid: pid, pidfd: pidfd.rawValue)
      throw error
    }
  }

  private mutating func answer() throws(RuntimeError) -> Launched {
    while let report = try channel.receive() {
      switch report {
      case .failed(let error): throw error
      case .needsMappings:
        try answers.mappings?(pid)
        try proceed()
      case .process(let child):
        try replaceStage(with: child)
        try answers.known?(pid)
        try proceed()
      case .needsHooks:
        try answers.hooks?(pid)
        try proceed()
      case .console(let fd): try receiveConsole(SharedDescriptor(FileDescriptor(owning: fd)))
      case .seccompListener(let fd):
        // Loaded at the exec only, and so delivered by whoever starts the process.
        _ = cl_close(fd)
      case .warning(let text): warn(text)
      case .step(let name): Trace.mark(name)
      case .ready:
        if let pidfdSocket {
          try DescriptorSocket.send(
            pidfd.rawValue, text: "pidfd", to: pidfdSocket, option: "--pidfd-socket")
        }
        return Launched(
          pid: pid, pidfd: pidfd, console: console, channel: channel, answers,
          hasWord: startsUnasked)
      }
    }
    throw ended()
  }

  /// One that has ended is found by `receive`, behind what it said last.
  private func proceed() throws(RuntimeError) {
    do throws(SystemError) { try channel.proceed() } catch {
      if error.errno != EPIPE && error.errno != ECONNRESET {
        throw RuntimeError("container process", error)
      }
    }
  }

  private func ended() -> RuntimeError {
    // It closes its descriptors some time before it can be waited for.
    var polled = pollfd(fd: pidfd.rawValue, events: Int16(POLLIN), revents: 0)
    _ = unsafe cl_poll(&polled, 1, 5000)
    let signal = cl_child_ending_signal(pid)
    let what =
      signal == 0
      ? "container process \(pid) ended before it was set up"
      : "container process \(pid) was ended by signal \(signal) before it was set up"
    return answers.ended?(what) ?? RuntimeError(what)
  }

  /// The stage has ended; the process it made, a child of this one, takes its place.
  private mutating func replaceStage(with child: pid_t) throws(RuntimeError) {
    var status: CInt = 0
    while unsafe cl_waitpid(pid, &status, 0) == -EINTR {}
    pid = child
    pidfd.close()
    pidfd = SharedDescriptor(
      try step("container process") { () throws(SystemError) in
        FileDescriptor(
          owning: try system("pidfd_open", "pid \(child)") { cl_pidfd_open(child, 0) })
      })
  }

  private mutating func receiveConsole(_ master: SharedDescriptor) throws(RuntimeError) {
    guard let consoleSocket else {
      console = master
      return
    }
    try DescriptorSocket.send(
      master.rawValue, text: "/dev/ptmx", to: consoleSocket, option: "--console-socket")
  }
}
