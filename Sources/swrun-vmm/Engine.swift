internal import Linux
internal import Platform

/// What runs the guest: our own VMM on /dev/kvm, or qemu. The control thread drives it.
///
/// It is made from a plan, before the jail; nothing of the guest runs before `start`.
protocol Engine: AnyObject, Sendable {
  /// The last lines of the guest's console, for messages.
  var console: ConsoleLog { get }

  /// Runs the guest; once.
  func start() throws(RuntimeError)

  /// An eventfd that becomes readable when the guest has ended by itself.
  var ended: CInt { get }

  /// How the guest ended; nil while it runs.
  func outcome() -> MachineEnd?

  /// A connection to a vsock port of the guest: one end of a socket pair.
  func connect(port: UInt32) throws(SystemError) -> FileDescriptor

  /// Shows the guest the devices that it can begin without: before the first session.
  func revealDevices()

  /// Leaves the threads of the file server what reading needs: all shares are read-only now.
  func limitFileServer()

  /// Ends the guest and all threads or processes that belong to it; nothing of it runs afterwards.
  func stop()
}

/// How a virtual machine ended, whatever ran in it.
enum MachineEnd: Sendable, Equatable, CustomStringConvertible {
  /// The guest switched the machine off.
  case powerOff
  /// The guest asked for a restart; `reboot=k panic=-1` makes one of a panic.
  case reset
  /// A processor met a fault that it could not deliver; its registers.
  case shutdown(String)
  /// The engine can't go on with the guest; why, with registers where there are some.
  case failure(String)

  var description: String {
    switch self {
    case .powerOff: "the guest switched the machine off"
    case .reset: "the guest restarted the machine"
    case .shutdown(let registers):
      "the guest's processor shut down (a fault while it delivered a fault)\n\(registers)"
    case .failure(let text): text
    }
  }
}
