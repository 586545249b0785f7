internal import CLinux

/// Numbers under which a guest knows things: an index and a generation, so that a number is never
/// used again, with a count of the threads that are using the thing.
///
/// Entering and leaving takes no lock. A slot's state is the generation in its upper half; below,
/// the top bit says that the guest has it, the rest counts users.
@safe final class Slots: @unchecked Sendable {
  let capacity: Int
  private let states: UnsafeMutablePointer<UInt64>
  private let nextFree: UnsafeMutablePointer<UInt32>
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var firstFree: UInt32 = 0
  private var unused: Int
  private var live = 0
  private var demand: Demand
  /// An eventfd of the owner of the table, for what `demand` asks; -1 for none.
  private let shortage: CInt

  private static let owned: UInt64 = 1 << 31

  /// Indices from `first` on, `capacity` of them. `shortage` becomes readable when the guest should give
  /// some back.
  init(first: Int, capacity: Int, shortage: CInt = -1) {
    self.capacity = capacity
    self.shortage = shortage
    demand = Demand(capacity: capacity)
    unused = first
    end = first + capacity
    unsafe states = LazyMemory.allocate(UInt64.self, end)
    unsafe nextFree = LazyMemory.allocate(UInt32.self, end)
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe cl_mutex_init(mutex)
  }
  private let end: Int

  deinit {
    unsafe LazyMemory.free(states, end)
    unsafe LazyMemory.free(nextFree, end)
    unsafe cl_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  /// A slot that nobody else has, not yet known to the guest; nil when the quota is used up.
  func reserve() -> Int? {
    unsafe cl_mutex_lock(mutex)
    defer { unsafe cl_mutex_unlock(mutex) }
    let index: Int
    if firstFree != 0 {
      index = Int(firstFree)
      firstFree = unsafe nextFree[index]
    } else {
      guard unused < end else { return nil }
      index = unused
      unused += 1
    }
    live += 1
    if demand.take(live) { ask() }
    return index
  }

  private func ask() { if shortage >= 0 { _ = cl_eventfd_signal(shortage) } }

  /// A slot that is given back where nothing comes of it; nil when the quota is used up.
  func place() -> Place? { reserve().map { Place(slots: self, index: $0) } }

  /// Whether `reserve` would find one.
  var hasRoom: Bool {
    unsafe cl_mutex_lock(mutex)
    defer { unsafe cl_mutex_unlock(mutex) }
    return firstFree != 0 || unused < end
  }

  /// Whether a request that was not given a slot is to wait for one; the guest is asked where it was not.
  /// `ticket` is the request's own, 0 at first.
  func shouldWait(_ ticket: inout UInt64) -> Bool {
    unsafe cl_mutex_lock(mutex)
    defer { unsafe cl_mutex_unlock(mutex) }
    switch demand.lack(&ticket, at: cl_monotonic_ns()) {
    case .ask: ask()
    case .wait: break
    case .refuse: return false
    }
    return true
  }

  /// A request that was not given a slot has waited for as long as it may.
  func giveUp() {
    unsafe cl_mutex_lock(mutex)
    defer { unsafe cl_mutex_unlock(mutex) }
    demand.giveUp()
  }

  /// The guest has answered what it was asked by way of `shortage`, or never will.
  func answer() {
    unsafe cl_mutex_lock(mutex)
    defer { unsafe cl_mutex_unlock(mutex) }
    demand.answer(live, at: cl_monotonic_ns())
  }

  /// The number of slots in use.
  var count: Int {
    unsafe cl_mutex_lock(mutex)
    defer { unsafe cl_mutex_unlock(mutex) }
    return live
  }

  /// ENFILE when the quota is used up: no file is made that the guest could not be told of, but for
  /// what other threads do meanwhile.
  func needOne() throws(Failure) {
    guard count < capacity else { throw Failure(ENFILE) }
  }

  /// Indices below this one were used at some time.
  var highest: Int {
    unsafe cl_mutex_lock(mutex)
    defer { unsafe cl_mutex_unlock(mutex) }
    return unused
  }

  /// Makes a reserved slot, all of it set up, known to the guest under the number returned.
  func publish(_ index: Int) -> UInt64 {
    let generation = unsafe cl_fs_atomic_load(states + index) >> 32
    unsafe cl_fs_atomic_store(states + index, generation << 32 | Self.owned)
    return id(index)
  }

  /// The number of a slot that is in use.
  func id(_ index: Int) -> UInt64 {
    unsafe (cl_fs_atomic_load(states + index) & ~0xffff_ffff) | UInt64(index)
  }

  /// Whether the guest has the slot.
  func isOwned(_ index: Int) -> Bool {
    unsafe cl_fs_atomic_load(states + index) & Self.owned != 0
  }

  /// The slot of a number that the guest has; it stays as it is until `leave`.
  @inline(__always)
  func enter(_ id: UInt64) -> Int? {
    let index = Int(id & 0xffff_ffff)
    guard index < end else { return nil }
    while true {
      let state = unsafe cl_fs_atomic_load(states + index)
      guard state >> 32 == id >> 32, state & Self.owned != 0 else { return nil }
      if unsafe cl_fs_atomic_replace(states + index, state, state &+ 1) { return index }
    }
  }

  /// Whether the caller was the last: it cleans up, then calls `recycle`.
  @inline(__always)
  func leave(_ index: Int) -> Bool {
    unsafe (cl_fs_atomic_subtract(states + index, 1) &- 1) & 0xffff_ffff == 0
  }

  /// Takes the number from the guest. True when nobody uses the slot: the caller cleans up, then
  /// calls `recycle`; false when there is nothing to take or the last user will do that.
  func disown(_ id: UInt64) -> Bool {
    let index = Int(id & 0xffff_ffff)
    guard index < end else { return false }
    while true {
      let state = unsafe cl_fs_atomic_load(states + index)
      guard state >> 32 == id >> 32, state & Self.owned != 0 else { return false }
      let next = state & ~Self.owned
      if unsafe cl_fs_atomic_replace(states + index, state, next) { return next & 0xffff_ffff == 0 }
    }
  }

  /// Gives a cleaned slot its next generation, or, when there is none, no further use.
  func recycle(_ index: Int) {
    unsafe cl_mutex_lock(mutex)
    defer { unsafe cl_mutex_unlock(mutex) }
    live -= 1
    demand.giveBack(live)
    let generation = unsafe cl_fs_atomic_load(states + index) >> 32
    guard generation < UInt64(UInt32.max) else { return }
    unsafe cl_fs_atomic_store(states + index, (generation + 1) << 32)
    unsafe nextFree[index] = firstFree
    firstFree = UInt32(index)
  }
}

/// A slot that was reserved for something that is still to be made.
struct Place: ~Copyable {
  private let slots: Slots
  private var index: Int

  fileprivate init(slots: Slots, index: Int) {
    self.slots = slots
    self.index = index
  }

  deinit { if index != 0 { slots.recycle(index) } }

  /// The slot's index; it is the caller's from now on.
  mutating func take() -> Int {
    defer { index = 0 }
    return index
  }
}

/// Zeroed memory that costs nothing until it is touched.
enum LazyMemory {
  static func allocate<Element>(
    _ type: Element.Type, _ count: Int
  ) -> UnsafeMutablePointer<Element> {
    guard
      let memory = unsafe cl_mmap(
        nil, MemoryLayout<Element>.stride * count, PROT_READ | PROT_WRITE,
        CInt(CL_MAP_PRIVATE | CL_MAP_ANONYMOUS | CL_MAP_NORESERVE), -1,
        0)
    else { fatalError("no address space for the tables of the file server") }
    // A huge page for the first few entries of each table would be most of the monitor's memory; a
    // kernel without huge pages refuses the advice.
    _ = unsafe cl_madvise(memory, MemoryLayout<Element>.stride * count, MADV_NOHUGEPAGE)
    return unsafe memory.bindMemory(to: Element.self, capacity: count)
  }

  static func free<Element>(_ memory: UnsafeMutablePointer<Element>, _ count: Int) {
    _ = unsafe cl_munmap(memory, MemoryLayout<Element>.stride * count)
  }
}
