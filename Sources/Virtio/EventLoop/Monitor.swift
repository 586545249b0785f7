internal import CLinux

/// A value that several threads share, and wait on each other's changes of.
@safe final class Monitor<Value>: @unchecked Sendable {
  private var value: Value
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  init(_ value: consuming sending Value) {
    self.value = value
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe cl_mutex_init(mutex)
    unsafe condition = .allocate(capacity: 1)
    unsafe condition.initialize(to: pthread_cond_t())
    unsafe cl_condition_init(condition)
  }

  deinit {
    unsafe cl_condition_destroy(condition)
    unsafe condition.deallocate()
    unsafe cl_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  /// Runs `body` while no other thread uses the value.
  @inline(__always)
  func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
    unsafe cl_mutex_lock(mutex)
    defer { unsafe cl_mutex_unlock(mutex) }
    return body(&value)
  }

  /// Waits until `condition` holds for the value; `signal` has it looked at again.
  func wait(until isTrue: (inout Value) -> Bool) {
    unsafe cl_mutex_lock(mutex)
    defer { unsafe cl_mutex_unlock(mutex) }
    while !isTrue(&value) { unsafe cl_condition_wait(condition, mutex) }
  }

  /// Wakes all that wait.
  func signal() { unsafe cl_condition_broadcast(condition) }
}
