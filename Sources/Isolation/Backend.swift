public import Linux
public import OCISpec

/// How `create` and `run` are asked to make a container.
public struct CreateOptions {
  public var pidFile: String?
  /// A unix socket that gets the terminal's master side.
  public var consoleSocket: String?
  /// A unix socket that gets a pidfd of the container's first process.
  public var pidfdSocket: String?
  /// Descriptors 3 to 3 + preserveFDs - 1 stay open in the container.
  public var preserveFDs = 0
  public var noPivot = false
  /// The guest kernel of a VM, and what runs it: `kvm` or `qemu`; nil lets others choose.
  public var kernel: String?
  public var engine: String?
  /// What the policy file says of both, where neither option nor configuration does.
  public var policyKernel: String?
  public var policyEngine: String?
  public var noNewKeyring = false
  public var cgroupManager = "cgroupfs"
  /// False: the process waits for `start`. True: the caller of `create` starts it itself.
  public var startsAtOnce = false
  /// The caller has nothing to do between the process's word that it is set up and its start: where
  /// nothing else is due then, it need not wait.
  public var startsUnasked = false
  /// The caller's readiness socket, for the container.
  public var notifySocket: NotifySocket?
  /// True when nobody relays the container's terminal in the foreground.
  public var detached = true

  public init() {}
}

/// What `exec` runs in a container.
public struct ExecOptions: Sendable {
  public var process: Spec.Process
  public var pidFile: String?
  public var consoleSocket: String?
  public var pidfdSocket: String?
  public var preserveFDs = 0
  public var detached = false
  /// Existing cgroups below the container's own: `PATH`, or `CONTROLLER[,…]:PATH` for each.
  public var cgroups: [String] = []
  public var ignorePaused = false
  public var noNewKeyring = false
  /// As in `CreateOptions`.
  public var startsUnasked = false

  public init(process: Spec.Process) { self.process = process }
}

/// A process that was made and still waits to execute the user's program.
///
/// As long as the program was not started, letting go of the value ends the process.
public protocol LaunchedProcess: AnyObject {
  var pid: Int32 { get }
  var pidfd: SharedDescriptor { get }
  /// The terminal's master side, when nobody else got it.
  var console: SharedDescriptor? { get }
  /// Lets the process execute the program, and returns when that succeeded.
  ///
  /// The error is the one of the program's side: not found (127), not executable (126) …
  func start() throws(RuntimeError)
  /// Kills the process and waits for its end.
  func abort()
}

/// One way to isolate a container: what the lifecycle asks of namespaces or of a VM.
public protocol Backend {
  /// The name in `--isolation` and in the record: `container` or `vm`.
  var name: String { get }

  /// Whether a first process that is killed has much to give back before it is gone, so that `kill`
  /// waits for its end.
  var endsSlowly: Bool { get }

  /// Makes the container up to where it executes the user's program.
  ///
  /// Saves `record` through `directory` before anything exists that a later `delete` has to find,
  /// and again with the pid. Cleans up after itself when it throws.
  func create(
    _ bundle: Bundle, _ record: inout ContainerRecord, in directory: borrowing ContainerDirectory,
    _ options: CreateOptions
  ) throws(RuntimeError) -> any LaunchedProcess

  /// Lets a created container run its program.
  func start(
    _ record: ContainerRecord, spec: Spec, in directory: borrowing ContainerDirectory
  ) throws(RuntimeError)

  /// Makes a process in a running container up to where it executes its program.
  func exec(
    _ record: ContainerRecord, spec: Spec, in directory: borrowing ContainerDirectory,
    _ options: ExecOptions
  ) throws(RuntimeError) -> any LaunchedProcess

  /// Ends every process of the container and waits until none is left, but for zombies of other
  /// parents.
  func killAll(_ record: ContainerRecord) throws(RuntimeError)

  /// Does `killAll` and `destroy` at once for a container that has ended; false when it did not,
  /// and both are due.
  func removeEnded(_ record: ContainerRecord) -> Bool

  /// Sends a signal to every process of the container.
  func signalAll(_ record: ContainerRecord, signal: CInt) throws(RuntimeError)

  /// The pids of the container's processes: the caller's where they are processes of this kernel,
  /// else those of the container's own.
  func processes(_ record: ContainerRecord) throws(RuntimeError) -> [Int32]

  /// The processes of a container that has a kernel of its own; nil where `processes` are the
  /// caller's.
  func guestProcesses(_ record: ContainerRecord) throws(RuntimeError) -> [GuestProcessEntry]?

  /// What `events` watches.
  func monitor(_ record: ContainerRecord) throws(RuntimeError) -> any ContainerMonitor

  func pause(_ record: ContainerRecord) throws(RuntimeError)
  func resume(_ record: ContainerRecord) throws(RuntimeError)
  /// `list` asks on several threads at once.
  func isPaused(_ record: ContainerRecord) -> Bool

  /// Changes limits; what `resources` does not name stays as it is.
  func update(
    _ record: ContainerRecord, _ resources: Spec.Linux.Resources
  ) throws(RuntimeError)

  /// Removes what the backend keeps outside the state directory: cgroups, VM files.
  func destroy(_ record: ContainerRecord) throws(RuntimeError)

  /// Ends and removes what can be found of a container whose record is lost.
  func removeRemains(of id: ContainerID, _ spec: Spec?) throws(RuntimeError)
}

extension Backend {
  public func removeEnded(_ record: ContainerRecord) -> Bool { false }
}
