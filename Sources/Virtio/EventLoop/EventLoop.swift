internal import CLinux
public import Linux

/// One thread that waits for descriptors and runs what belongs to them: the devices' thread.
///
/// It sleeps until something happens; nothing of it ticks.
@safe public final class EventLoop: @unchecked Sendable {
  /// Called on the loop's thread with the EPOLL bits that are set.
  public typealias Handler = (_ events: UInt32) -> Void

  /// What a descriptor's slot holds; the generation tells a descriptor from an earlier one of the
  /// same number whose event was already fetched.
  private struct Slot {
    var generation: UInt32 = 0
    var handler: Handler?
  }

  private struct Shared {
    var posted: [() -> Void] = []
    var isRunning = false
    var isStopping = false
    var thread: pthread_t?
  }

  private let name: String
  private let epoll: FileDescriptor
  private let waker: FileDescriptor
  private let shared = Monitor(Shared())
  private let events: UnsafeMutablePointer<epoll_event>
  private static let batch = 32
  private var thread: DeviceThread?
  /// By the descriptor's number.
  private var slots: [Slot] = []

  /// A loop that does nothing until `start`; the name is its thread's.
  public init(name: String) throws(SystemError) {
    self.name = name
    epoll = FileDescriptor(owning: try system("epoll_create1", name) { cl_epoll_create() })
    waker = FileDescriptor(owning: try system("eventfd", name) { cl_eventfd(0) })
    unsafe events = .allocate(capacity: Self.batch)
    unsafe events.initialize(repeating: epoll_event(), count: Self.batch)
    try add(waker.rawValue, UInt32(CL_EPOLLIN) | CL_EPOLLET) { _ in }
  }

  deinit { unsafe events.deallocate() }

  // MARK: Descriptors

  /// Calls `handler` whenever `fd` is ready for `events` (CL_EPOLLIN …); EEXIST when it is there
  /// already. Before `start`, or on the loop's thread.
  ///
  /// The descriptor stays the caller's, who removes it before it is closed.
  public func add(
    _ fd: CInt, _ events: UInt32, _ handler: @escaping Handler
  ) throws(SystemError) {
    guard fd >= 0 else { throw SystemError(EBADF, "epoll_ctl", name) }
    while slots.count <= Int(fd) { slots.append(Slot()) }
    guard slots[Int(fd)].handler == nil else { throw SystemError(EEXIST, "epoll_ctl", "fd \(fd)") }
    let generation = slots[Int(fd)].generation &+ 1
    try control(EPOLL_CTL_ADD, fd, events, generation)
    slots[Int(fd)] = Slot(generation: generation, handler: handler)
  }

  /// As `add`, for an eventfd: told of each signal once, without its being read.
  public func add(eventfd fd: CInt, _ handler: @escaping () -> Void) throws(SystemError) {
    try add(fd, UInt32(CL_EPOLLIN) | CL_EPOLLET) { _ in handler() }
  }

  /// Waits for other events of a descriptor that was added. Where `add` may be called.
  public func change(_ fd: CInt, _ events: UInt32) throws(SystemError) {
    guard fd >= 0, Int(fd) < slots.count, slots[Int(fd)].handler != nil else {
      throw SystemError(ENOENT, "epoll_ctl", "fd \(fd)")
    }
    try control(EPOLL_CTL_MOD, fd, events, slots[Int(fd)].generation)
  }

  /// Forgets a descriptor; its handler is not called any more. Where `add` may be called.
  public func remove(_ fd: CInt) {
    guard fd >= 0, Int(fd) < slots.count, slots[Int(fd)].handler != nil else { return }
    slots[Int(fd)].handler = nil
    // It may be closed already, which removed it.
    _ = cl_epoll_control(epoll.rawValue, EPOLL_CTL_DEL, fd, 0, 0)
  }

  private func control(
    _ operation: CInt, _ fd: CInt, _ events: UInt32, _ generation: UInt32
  ) throws(SystemError) {
    try system("epoll_ctl", "fd \(fd)") {
      cl_epoll_control(
        epoll.rawValue, operation, fd, events, UInt64(generation) << 32 | UInt64(fd))
    }
  }

  // MARK: Other threads

  /// Whether the caller is on the loop's thread.
  public var isCurrent: Bool {
    shared.withLock { $0.isRunning && $0.thread == cl_thread_self() }
  }

  /// Runs `body` on the loop's thread, soon; before `start`, then; after `stop`, never.
  public func post(_ body: @escaping @Sendable () -> Void) {
    shared.withLock { $0.posted.append(body) }
    wake()
  }

  /// Runs `body` on the loop's thread and waits until it has run; at once where the caller is on
  /// that thread, or the loop does not run.
  public func perform(_ body: @escaping () -> Void) {
    let isDone = Monitor(false)
    let isPosted = shared.withLock { shared in
      guard shared.isRunning, shared.thread != cl_thread_self() else { return false }
      // Once posted it always runs: a loop that stops first runs what it was given.
      shared.posted.append {
        body()
        isDone.withLock { $0 = true }
        isDone.signal()
      }
      return true
    }
    if isPosted {
      wake()
      isDone.wait { $0 }
    } else {
      body()
    }
  }

  /// Makes the thread look for posted work.
  public func wake() { _ = cl_eventfd_signal(waker.rawValue) }

  // MARK: The thread

  /// Starts the thread; once.
  public func start() throws(SystemError) {
    shared.withLock { $0.isRunning = true }
    do throws(SystemError) {
      thread = try DeviceThread(name) { [self] in run() }
    } catch {
      shared.withLock { $0.isRunning = false }
      throw error
    }
  }

  /// Ends the thread, after the handler that runs now and everything that was posted before, and
  /// waits for it. Not from the loop's thread.
  public func stop() {
    shared.withLock { $0.isStopping = true }
    wake()
    thread?.join()
    thread = nil
  }

  private func run() {
    shared.withLock { $0.thread = cl_thread_self() }
    while true {
      runPosted()
      // What was posted is taken before: a wake after that ends the wait.
      if shared.withLock({ shared in
        guard shared.isStopping, shared.posted.isEmpty else { return false }
        shared.isRunning = false
        return true
      }) {
        return
      }
      let count = unsafe cl_epoll_wait(epoll.rawValue, events, CInt(Self.batch), -1)
      // Interrupted: a debugger. All else can't fail with arguments that are in order.
      if count <= 0 { continue }
      for index in 0..<Int(count) { unsafe dispatch(events[index]) }
    }
  }

  private func dispatch(_ event: epoll_event) {
    var event = unsafe event
    let token = unsafe cl_epoll_token(&event)
    let slot = slots[Int(token & 0xffff_ffff)]
    // Another handler of this batch may have removed it.
    guard slot.generation == UInt32(token >> 32), let handler = slot.handler else { return }
    handler(unsafe event.events)
  }

  private func runPosted() {
    let posted = shared.withLock { shared in
      if shared.posted.isEmpty { return [] as [() -> Void] }
      let posted = shared.posted
      shared.posted = []
      return posted
    }
    for body in posted { body() }
  }
}
