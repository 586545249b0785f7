internal import CLinux
internal import GuestProtocol
public import Linux

/// What one connection of the host asks for, done in a process of its own.
///
/// It is driven over any stream socket: a guest's come from vsock, a test's need no machine.
public struct Session {
  private let control: ControlConnection
  private let listen: () throws(SystemError) -> StreamListener
  private let settings: AgentSettings

  /// `listen` makes a socket at which the host attaches the streams of a process.
  public init(
    _ control: SharedDescriptor, listen: @escaping () throws(SystemError) -> StreamListener,
    settings: AgentSettings
  ) {
    self.control = ControlConnection(control)
    self.listen = listen
    self.settings = settings
  }

  /// Returns when the session is over.
  public func run() {
    do throws(RuntimeError) {
      switch try control.next(waits: true) {
      case .message(let message): try serve(message)
      case .waiting, .ended: return
      }
    } catch { control.fail(error) }
  }

  private func serve(_ message: HostMessage) throws(RuntimeError) {
    let control = control
    switch message {
    case .create, .exec:
      run(message, GuestContainer(settings) { control.send(.warning($0)) })
    case .signalAll, .processes, .update, .statistics, .watchOOM:
      // One answer, which the warnings are a part of.
      let warnings = Warnings()
      let container = GuestContainer(settings) { warnings.texts.append($0) }
      try ContainerRequests(container, control, warnings).serve(message)
    case .dropCaches:
      try GuestCaches.drop(settings.caches)
      control.send(.done(warnings: []))
    case .start, .signal, .resize:
      throw RuntimeError("session: it cannot begin with a message \(message.name)")
    }
  }

  private func run(_ message: HostMessage, _ container: GuestContainer) {
    do throws(RuntimeError) {
      switch message {
      case .create(let request):
        GuestClock.set(request.timeNanoseconds)
        GuestEntropy.add(request.entropy)
        let process = try container.creation(request)
        try ProcessSession(control, size: request.terminalSize).run(
          try listen(for: "create"), process
        ) {
          // What was written into mapped files of the shares: the host may end the machine now.
          cl_sync()
        }
      case .exec(let request):
        let process = try container.execution(request)
        try ProcessSession(control, size: request.terminalSize).run(
          try listen(for: "exec"), process
        ) {}
      default: return
      }
    } catch { control.fail(error) }
    // Behind the last word: the host is not kept waiting for it.
    if case .create = message { container.remove() }
  }

  private func listen(for request: String) throws(RuntimeError) -> StreamListener {
    try step("\(request): streams") { () throws(SystemError) in try listen() }
  }
}
