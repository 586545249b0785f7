internal import CLinux

/// A file or directory of the host that the guest knows.
struct Inode {
  /// An O_PATH descriptor.
  var fd: CInt = -1
  var share: UInt16 = 0
  /// S_IFMT of its mode, which never changes.
  var type: UInt32 = 0
  var device: UInt64 = 0
  var number: UInt64 = 0
  var mount: UInt64 = 0
  /// Tells file systems apart in the inode numbers that the guest sees, for it sees but one.
  var salt: UInt16 = 0
  /// Whether it stays when the guest forgets it.
  var isPinned = false
  func isSame(_ other: Inode) -> Bool {
    number == other.number && device == other.device && mount == other.mount
      && share == other.share
  }
}

/// What changes of an inode while it is known.
private struct Account {
  /// How often the guest was told of it.
  var lookups: UInt64 = 0
  /// The next one of the same bucket; 0 for none.
  var next: UInt32 = 0
}

/// All inodes that the guest knows, by its number for them and by what they are on the host.
@safe final class Inodes: @unchecked Sendable {
  let slots: Slots
  /// Never changed from publishing to the last user's leaving: read without the lock.
  private let inodes: UnsafeMutablePointer<Inode>
  /// Under the lock.
  private let accounts: UnsafeMutablePointer<Account>
  /// Each one's time of change when the guest last opened it, in nanoseconds; 0 for none.
  private let seenChanges: UnsafeMutablePointer<UInt64>
  private let buckets: UnsafeMutablePointer<UInt32>
  private let bucketMask: UInt64
  private let size: Int
  private let seed: UInt64
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var devices: [UInt64] = []

  /// The first number is FUSE_ROOT_ID + 1. `shortage` becomes readable when the guest should forget some.
  init(capacity: Int, shortage: CInt) {
    slots = Slots(first: 2, capacity: capacity, shortage: shortage)
    size = 2 + capacity
    unsafe inodes = LazyMemory.allocate(Inode.self, size)
    unsafe accounts = LazyMemory.allocate(Account.self, size)
    unsafe seenChanges = LazyMemory.allocate(UInt64.self, size)
    var bucketCount = 1024
    while bucketCount < capacity { bucketCount *= 2 }
    bucketMask = UInt64(bucketCount - 1)
    unsafe buckets = LazyMemory.allocate(UInt32.self, bucketCount)
    // The guest can choose inode numbers to some extent; it must not choose collisions.
    var seed: UInt64 = 0
    _ = unsafe cl_getrandom(&seed, 8)
    self.seed = seed | 1
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe cl_mutex_init(mutex)
  }

  deinit {
    for index in 2..<slots.highest where slots.isOwned(index) {
      _ = unsafe cl_close(inodes[index].fd)
    }
    unsafe LazyMemory.free(inodes, size)
    unsafe LazyMemory.free(accounts, size)
    unsafe LazyMemory.free(seenChanges, size)
    unsafe LazyMemory.free(buckets, Int(bucketMask) + 1)
    unsafe cl_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  /// The inode of a number, for as long as the reference lives.
  @inline(__always)
  func enter(_ id: UInt64) throws(Failure) -> InodeReference {
    guard let index = slots.enter(id) else { throw Failure(ESTALE) }
    return InodeReference(table: self, index: index, inode: unsafe inodes[index])
  }

  /// The number of an inode that is known already, told to the guest once more; `inode` then has
  /// what is kept of it.
  func find(_ inode: inout Inode) -> UInt64? {
    lock()
    defer { unlock() }
    return findLocked(&inode)
  }

  /// Whether the guest knows an inode of this number, anywhere on the device; a hint.
  func mayKnow(_ inode: Inode) -> Bool {
    lock()
    defer { unlock() }
    return lookUp(inode) != 0
  }

  private func findLocked(_ inode: inout Inode) -> UInt64? {
    let index = Int(lookUp(inode))
    guard index != 0 else { return nil }
    unsafe accounts[index].lookups &+= 1
    inode = unsafe inodes[index]
    return slots.id(index)
  }

  private func lookUp(_ inode: Inode) -> UInt32 {
    var index = unsafe buckets[bucket(inode)]
    while index != 0 {
      if unsafe inodes[Int(index)].isSame(inode) { return index }
      index = unsafe accounts[Int(index)].next
    }
    return 0
  }

  /// Room for an inode that the guest does not know yet: to be had before anything is made that the guest
  /// is to be told of.
  func place() throws(Failure) -> Place {
    guard let place = slots.place() else { throw .noPlace }
    return place
  }

  /// Keeps an inode, whose descriptor the table owns from now on, and counts it as told to the guest. When
  /// another thread was first, its descriptor is closed.
  func add(_ inode: inout Inode, in place: consuming Place) -> UInt64 {
    lock()
    let fd = inode.fd
    if let known = findLocked(&inode) {
      unlock()
      _ = cl_close(fd)
      return known
    }
    let index = place.take()
    let head = bucket(inode)
    unsafe cl_fs_atomic_store(seenChanges + index, 0)
    unsafe accounts[index] = unsafe Account(lookups: 1, next: buckets[head])
    unsafe inodes[index] = inode
    unsafe buckets[head] = UInt32(index)
    let id = slots.publish(index)
    unlock()
    return id
  }

  /// Takes back `count` tellings, at most those that there were.
  func forget(_ id: UInt64, _ count: UInt64) {
    lock()
    guard let index = slots.enter(id) else {
      unlock()
      return
    }
    let lookups = unsafe accounts[index].lookups
    unsafe accounts[index].lookups = lookups > count ? lookups &- count : 0
    if unsafe accounts[index].lookups == 0, unsafe !inodes[index].isPinned {
      unlink(index)
      _ = slots.disown(id)
    }
    unlock()
    leave(index)
  }

  /// Forgets all that is not one of the first `kept`.
  func reset(keeping kept: Int) {
    for index in (2 + kept)..<max(2 + kept, slots.highest) {
      lock()
      let id = slots.id(index)
      guard slots.enter(id) != nil else {
        unlock()
        continue
      }
      unlink(index)
      _ = slots.disown(id)
      unlock()
      leave(index)
    }
  }

  private func unlink(_ index: Int) {
    let head = unsafe bucket(inodes[index])
    var current = unsafe buckets[head]
    if current == UInt32(index) {
      unsafe buckets[head] = unsafe accounts[index].next
      return
    }
    while current != 0 {
      let next = unsafe accounts[Int(current)].next
      if next == UInt32(index) {
        unsafe accounts[Int(current)].next = unsafe accounts[index].next
        return
      }
      current = next
    }
  }

  fileprivate func leave(_ index: Int) {
    guard slots.leave(index) else { return }
    _ = unsafe cl_close(inodes[index].fd)
    unsafe inodes[index] = Inode()
    slots.recycle(index)
  }

  /// Remembers the time of change at an open; the one of the open before, or 0.
  fileprivate func exchangeChange(_ index: Int, _ time: UInt64) -> UInt64 {
    unsafe cl_fs_atomic_exchange(seenChanges + index, time)
  }

  /// A small number for a device, 0 for the first.
  func salt(of device: UInt64) -> UInt16 {
    lock()
    defer { unlock() }
    if let index = devices.firstIndex(of: device) { return UInt16(index) }
    // Beyond so many, numbers may collide.
    guard devices.count < 4096 else { return 4096 }
    devices.append(device)
    return UInt16(devices.count - 1)
  }

  private func bucket(_ inode: Inode) -> Int {
    var hash = (inode.number ^ seed) &* 0x9e37_79b9_7f4a_7c15
    hash ^= hash >> 29
    hash = (hash ^ inode.device ^ inode.mount << 20 ^ UInt64(inode.share) << 50) &* seed
    return Int((hash ^ hash >> 32) & bucketMask)
  }

  private func lock() { unsafe cl_mutex_lock(mutex) }
  private func unlock() { unsafe cl_mutex_unlock(mutex) }
}

/// An inode in use by a request.
struct InodeReference: ~Copyable {
  private let table: Inodes
  private let index: Int
  let inode: Inode

  fileprivate init(table: Inodes, index: Int, inode: Inode) {
    self.table = table
    self.index = index
    self.inode = inode
  }

  deinit { table.leave(index) }

  var fd: CInt { inode.fd }
  var isDirectory: Bool { inode.type == UInt32(S_IFDIR) }
  var isRegular: Bool { inode.type == UInt32(S_IFREG) }

  /// The place below which names are looked up.
  func directory() throws(Failure) -> Directory {
    guard isDirectory else { throw Failure(ENOTDIR) }
    return Directory(inode)
  }

  /// Remembers the time of change at an open; the one of the open before, or 0.
  func exchangeChange(_ time: UInt64) -> UInt64 { table.exchangeChange(index, time) }
}

/// Where a name is looked up.
struct Directory {
  /// O_PATH or open for reading.
  var fd: CInt
  let share: UInt16
  let device: UInt64
  let mount: UInt64
  let salt: UInt16

  init(_ inode: Inode) {
    fd = inode.fd
    share = inode.share
    device = inode.device
    mount = inode.mount
    salt = inode.salt
  }
}
