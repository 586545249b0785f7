internal import CLinux

/// A value that several threads share, each use of it under a lock.
///
/// Synchronization's Mutex can't stand beside CLinux: both bring the C library's headers.
@safe public final class Locked<Value>: @unchecked Sendable {
  private var value: Value
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  public init(_ value: consuming sending Value) {
    self.value = value
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe cl_mutex_init(mutex)
  }

  deinit {
    unsafe cl_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  /// Runs `body` while no other thread uses the value; it must not come back here for the same one.
  public func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    lock()
    defer { unlock() }
    return try body(&value)
  }

  private func lock() { unsafe cl_mutex_lock(mutex) }
  private func unlock() { unsafe cl_mutex_unlock(mutex) }
}
