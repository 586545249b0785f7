internal import CLinux
public import Linux

/// The file system device (virtio 1.2, 5.11): a queue for urgent requests, queues for all others, and
/// threads that serve them.
///
/// All threads wait for all queues, and a kick wakes one. It handles what it finds itself, and leaves
/// kicks on as long as another thread waits, so that a slow request holds up none that come after it.
///
/// No thread waits for what other requests have to bring about, for there might be none left that handles
/// those: a request that can't be answered yet is put aside, for a limited time, with its buffers.
///
/// Nobody waits for what is urgent, for it has no answer: the driver is told of it with the next
/// answer, of many at once, or when nothing else has come for a while.
@safe public final class FilesystemDevice: VirtioDevice, @unchecked Sendable {
  public let type = UInt32(VIRTIO_ID_FS)
  public let features: UInt64 = 0
  public let queueSizes: [UInt16]
  public let sharedMemory: SharedMemory?

  private let configuration: [UInt8]
  private let handler: any FilesystemHandler
  private let threadCount: Int
  private let epoll: FileDescriptor
  private let stopper: FileDescriptor
  /// How often `adjustThreads` was called; a thread compares it before each request and each wait.
  private let adjustments: UnsafeMutablePointer<UInt32>
  private var threads: [DeviceThread] = []
  private let state = Monitor(State())

  private struct State {
    /// Empty while the driver has not made the device ready.
    var queues: [Virtqueue?] = []
    /// Threads that use the queues or their buffers.
    var busy = 0
    /// Whether a thread was woken that has not come yet.
    var isHelpComing = false
    /// Urgent requests that were completed without a word to the driver.
    var untold = 0
    /// Requests that were put aside, in the order in which their time ends.
    var waiting: [Work] = []
    /// Whether `reset` lets nothing wait any more.
    var isEnding = false
    /// Whether kicks of a queue were switched off, for want of a thread that could come.
    var isMuted = false
    var prepared = 0
    var failure: SystemError?
  }

  private struct Work {
    let queue: Virtqueue
    /// The queue's number.
    let index: Int
    let chain: DescriptorChain
    /// When it waits no more, by the monotonic clock in nanoseconds; 0 where it has not waited.
    var deadline: Int64 = 0
    /// When it is handed in again, whatever happens.
    var turn: Int64 = 0
    var waiting = RequestWaiting()
  }

  /// How long a request waits for others at most, and how long until it is handed in again, in nanoseconds.
  private let waitLimit: Int64
  private let waitTurn: Int64

  /// So many urgent requests are told of at once, a quarter of their queue; and all of them after so
  /// many milliseconds.
  private static let untoldLimit = 32
  private static let untoldPatience: CInt = 5

  /// The token of `stopper`; queues have their number.
  private static let stopToken = UInt64.max
  /// Of a wait that found nothing: the number of no queue.
  private static let noToken = UInt64(Int.max)

  /// `tag` is what the guest mounts: 1 to 36 bytes, else EINVAL. `window` is the DAX window, with id 0
  /// (5.11.4). `waitLimit` is how long a request that the handler can't answer yet waits,
  /// `waitTurn` how often it is handed in again meanwhile, in milliseconds.
  public init(
    tag: String, requestQueues: Int = 1, queueSize: UInt16 = 1024, threads: Int = 4,
    window: SharedMemory? = nil, waitLimit: Int = 5000, waitTurn: Int = 100,
    handler: any FilesystemHandler
  ) throws(SystemError) {
    let name = Array(tag.utf8)
    guard (1...36).contains(name.count), requestQueues > 0, requestQueues < 64, threads > 0 else {
      throw SystemError(EINVAL, "file system device", tag)
    }
    configuration =
      name + [UInt8](repeating: 0, count: 36 - name.count)
      + ConfigurationSpace.bytes(UInt32(requestQueues))
    // The urgent requests are short.
    queueSizes = [min(128, queueSize)] + Array(repeating: queueSize, count: requestQueues)
    threadCount = threads
    sharedMemory = window
    self.waitLimit = Int64(waitLimit) * 1_000_000
    self.waitTurn = Int64(waitTurn) * 1_000_000
    self.handler = handler
    epoll = FileDescriptor(owning: try system("epoll_create1", tag) { cl_epoll_create() })
    stopper = FileDescriptor(owning: try system("eventfd", tag) { cl_eventfd(0) })
    unsafe adjustments = .allocate(capacity: 1)
    unsafe adjustments.initialize(to: 0)
    try system("epoll_ctl", tag) {
      cl_epoll_control(
        epoll.rawValue, EPOLL_CTL_ADD, stopper.rawValue, UInt32(CL_EPOLLIN), Self.stopToken)
    }
  }

  deinit { unsafe adjustments.deallocate() }

  public func readConfiguration(offset: UInt64, into bytes: UnsafeMutableRawBufferPointer) {
    unsafe ConfigurationSpace.read(configuration, offset: offset, into: bytes)
  }
  public func writeConfiguration(offset: UInt64, _ bytes: UnsafeRawBufferPointer) {}

  /// The threads wait for the kicks of all queues themselves.
  public func watches(queue index: Int) -> Bool { true }
  public func process(queue index: Int) {}

  // MARK: Threads

  /// Starts the threads, each prepared by the handler; `activate` does it otherwise.
  public func start() throws(SystemError) {
    if threads.isEmpty {
      try system("sigaction") { cl_wake_install() }
      for number in 0..<threadCount {
        threads.append(try DeviceThread("fs-\(number)") { [self] in run() })
      }
      state.wait { $0.prepared == threadCount }
    }
    // Also the next time: threads that could not be prepared do not serve.
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  /// Ends the threads and waits for them, after `reset`.
  public func stop() {
    _ = cl_eventfd_signal(stopper.rawValue)
    for thread in threads { thread.join() }
    threads = []
    _ = cl_eventfd_take(stopper.rawValue)
  }

  private func run() {
    var failure: SystemError?
    do throws(SystemError) { try handler.prepareThread() } catch { failure = error }
    state.withLock { state in
      state.prepared += 1
      if let failure, state.failure == nil { state.failure = failure }
    }
    state.signal()
    if failure != nil { return }
    var event = unsafe epoll_event()
    var adjusted: UInt32 = 0
    var patience: CInt = -1
    while true {
      adjust(&adjusted)
      let found = unsafe cl_epoll_wait_awake(epoll.rawValue, &event, 1, patience)
      if found == 0 { tell() }
      let token = found > 0 ? unsafe cl_epoll_token(&event) : Self.noToken
      if token == Self.stopToken { return }
      patience = serve(Int(truncatingIfNeeded: token), &adjusted)
    }
  }

  /// Has each thread call the handler's `adjustThread`: those that wait now, the others before their
  /// next request. Not while they are started or stopped.
  public func adjustThreads() {
    unsafe cl_store32(adjustments, cl_load32(adjustments) &+ 1)
    for thread in threads { thread.wake() }
  }

  private func adjust(_ adjusted: inout UInt32) {
    let wanted = unsafe cl_load32(adjustments)
    if adjusted == wanted { return }
    adjusted = wanted
    handler.adjustThread()
  }

  // MARK: The driver's steps

  public func activate(
    _ queues: [Virtqueue?], features: UInt64, _ loop: EventLoop
  ) throws(SystemError) {
    try start()
    state.withLock { $0.queues = queues }
    for (index, queue) in queues.enumerated() {
      guard let queue else { continue }
      // An edge wakes one of the threads that wait, and the eventfd need not be read.
      try system("epoll_ctl", "queue \(index)") {
        cl_epoll_control(
          epoll.rawValue, EPOLL_CTL_ADD, queue.kick, UInt32(CL_EPOLLIN) | CL_EPOLLET,
          UInt64(index))
      }
      // A kick may have been taken before this device had the queue.
      _ = cl_eventfd_signal(queue.kick)
    }
  }

  public func reset() {
    let queues = state.withLock { state in
      let queues = state.queues
      state.queues = []
      state.isHelpComing = false
      state.untold = 0
      state.isEnding = true
      return queues
    }
    for queue in queues {
      if let queue { _ = cl_epoll_control(epoll.rawValue, EPOLL_CTL_DEL, queue.kick, 0, 0) }
    }
    // One of the threads answers what waits.
    if state.withLock({ !$0.waiting.isEmpty }) { threads.first?.wake() }
    // Requests that are being answered write to guest memory until they are done.
    state.wait { $0.busy == 0 && $0.waiting.isEmpty }
    state.withLock { $0.isEnding = false }
    handler.deviceWasReset()
  }

  // MARK: Requests

  /// Handles what is in a queue, and what waits and can go on. How long the caller may sleep then, in
  /// milliseconds; -1 for as long as it likes.
  private func serve(_ index: Int, _ adjusted: inout UInt32) -> CInt {
    var work = state.withLock { state in
      state.busy += 1
      state.isHelpComing = false
      return next(index, &state)
    }
    while var current = work {
      adjust(&adjusted)
      let written = unsafe handler.handle(
        request: current.chain.readable, reply: current.chain.writable,
        waiting: &current.waiting)
      let (isWanted, following) = state.withLock { state in
        var isWanted = false
        if let written {
          current.queue.complete(current.chain, written: written)
          isWanted = wantsInterrupt(current.queue, current.index, written, &state)
        } else {
          putAside(current, &state)
        }
        return (isWanted, next(index, &state))
      }
      if isWanted { current.queue.interrupt.signal() }
      work = following
    }
    // The last one is who `reset` waits for.
    let (isLast, patience) = end()
    if isLast { state.signal() }
    return patience
  }

  // MARK: Waiting

  private func putAside(_ work: Work, _ state: inout State) {
    var work = work
    let now = cl_monotonic_ns()
    if work.deadline == 0 { work.deadline = now &+ waitLimit }
    work.turn = min(work.deadline, now &+ waitTurn)
    let place = state.waiting.firstIndex { $0.deadline > work.deadline }
    state.waiting.insert(work, at: place ?? state.waiting.endIndex)
  }

  /// What has waited and need not any more, before what is new; else the next of a queue.
  private func next(_ index: Int, _ state: inout State) -> Work? {
    if state.waiting.isEmpty { return take(index, &state) }
    let now = cl_monotonic_ns()
    let isFirst = state.isEnding || handler.canGoOn
    guard let place = isFirst ? 0 : state.waiting.firstIndex(where: { $0.turn <= now }) else {
      return take(index, &state)
    }
    var work = state.waiting.remove(at: place)
    work.waiting.isAllowed = !state.isEnding && now < work.deadline
    return work
  }

  /// Milliseconds until it is one's turn that waits; -1 where none does.
  private func patience(_ state: State) -> CInt {
    guard let turn = state.waiting.lazy.map(\.turn).min() else { return -1 }
    let left = turn &- cl_monotonic_ns()
    return left <= 0 ? 0 : CInt(clamping: (left &+ 999_999) / 1_000_000)
  }

  /// Whether the driver is to be interrupted for a request that was completed just now.
  private func wantsInterrupt(
    _ queue: Virtqueue, _ index: Int, _ written: Int, _ state: inout State
  ) -> Bool {
    guard index == 0, written == 0 else {
      let isWanted = queue.takeNotification()
      // One interrupt has the driver look at all queues that it stands for.
      if isWanted, let urgent = state.queues.first ?? nil,
        urgent.interrupt === queue.interrupt
      {
        state.untold = 0
      }
      return isWanted
    }
    state.untold += 1
    guard state.untold >= Self.untoldLimit else { return false }
    state.untold = 0
    return queue.takeNotification()
  }

  /// Tells the driver of the urgent requests that it was not told of.
  private func tell() {
    let queue = state.withLock { state -> Virtqueue? in
      guard state.untold > 0, let queue = state.queues.first ?? nil else { return nil }
      state.untold = 0
      return queue.takeNotification() ? queue : nil
    }
    if let queue { queue.interrupt.signal() }
  }

  /// Whether no thread uses the queues, and how long the caller may sleep.
  private func end() -> (isLast: Bool, patience: CInt) {
    state.withLock { state in
      state.busy -= 1
      if state.isMuted {
        // This thread can come again, for whichever queue.
        state.isMuted = false
        for queue in state.queues {
          if let queue, queue.enableNotifications() { _ = cl_eventfd_signal(queue.kick) }
        }
      }
      return (state.busy == 0, state.untold == 0 ? patience(state) : Self.untoldPatience)
    }
  }

  /// The next request of a queue, or nil after kicks were switched on for the one to come.
  private func take(_ index: Int, _ state: inout State) -> Work? {
    guard index < state.queues.count, let queue = state.queues[index] else { return nil }
    var found = queue.next()
    if found == nil, queue.enableNotifications() { found = queue.next() }
    guard let chain = found else { return nil }
    if state.busy < threadCount {
      if queue.enableNotifications(), !state.isHelpComing {
        state.isHelpComing = true
        _ = cl_eventfd_signal(queue.kick)
      }
    } else {
      // Nobody would come; each thread looks at the queue when it is done.
      queue.disableNotifications()
      state.isMuted = true
    }
    return Work(queue: queue, index: index, chain: chain)
  }
}
