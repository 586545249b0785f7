internal import CLinux
internal import Linux

/// A thread of this process with a name, to be joined once.
@safe final class DeviceThread: @unchecked Sendable {
  private var thread = pthread_t()

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Starts it; all signals are blocked in it. The kernel keeps 15 bytes of the name.
  init(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
    let argument = unsafe Unmanaged.passRetained(Body(body)).toOpaque()
    do throws(SystemError) {
      try system("pthread_create", name) {
        unsafe cl_thread_start(
          String(name.prefix(15)), 1 << 20,
          { argument in
            let body = unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue()
            body.run()
            return nil
          }, argument, &thread)
      }
    } catch {
      unsafe Unmanaged<Body>.fromOpaque(argument).release()
      throw error
    }
  }

  /// Ends its wait, or the next one (`cl_epoll_wait_awake`).
  func wake() { _ = cl_thread_kill(thread, cl_wake_signal()) }

  /// Waits until the thread has ended; never from itself.
  func join() { _ = cl_thread_join(thread) }
}
