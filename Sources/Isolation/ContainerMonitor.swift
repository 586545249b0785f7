public import Linux

/// What `events` watches: a container's statistics and its out-of-memory events.
public protocol ContainerMonitor: AnyObject {
  /// One JSON object of the statistics, without a line's end; nil while they cannot be had, because
  /// the kernel that keeps them is paused.
  func statistics() throws(RuntimeError) -> [UInt8]?

  /// Starts to watch for out-of-memory events; those of the past are not told of.
  func watchOutOfMemory() throws(RuntimeError)

  /// What is polled, and for which events, once they are watched.
  var descriptor: CInt { get }
  var events: Int16 { get }

  /// What happened since the last call; nil when nothing did.
  func next() throws(RuntimeError) -> OutOfMemoryReport?
}

/// What a monitor found.
public enum OutOfMemoryReport: Sendable, Equatable {
  case oom
  /// The container is gone: nothing will come any more.
  case removed
}

/// A process of a container that has a kernel of its own, as that kernel sees it.
public struct GuestProcessEntry: Sendable, Equatable {
  public let pid: Int32
  public let parent: Int32
  public let uid: UInt32
  /// The time on processors, in seconds.
  public let time: UInt64
  /// When it started, in seconds since 1970.
  public let start: Int64
  /// The terminal without `/dev/`, or `?`.
  public let terminal: String
  public let command: String

  public init(
    pid: Int32, parent: Int32, uid: UInt32, time: UInt64, start: Int64, terminal: String,
    command: String
  ) {
    self.pid = pid
    self.parent = parent
    self.uid = uid
    self.time = time
    self.start = start
    self.terminal = terminal
    self.command = command
  }
}
