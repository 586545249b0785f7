internal import CLinux

/// A thread of this process that runs one closure; to be joined.
///
/// All signals are blocked in it. A program that has one must not fork without exec any more.
public struct Thread: Sendable {
  private let handle: pthread_t

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Starts a thread; of the name the kernel keeps 15 bytes.
  public init(
    _ name: String, stack: Int = 512 << 10, _ body: @escaping @Sendable () -> Void
  ) throws(SystemError) {
    let box = unsafe Unmanaged.passRetained(Body(body))
    var handle = pthread_t()
    let result = unsafe cl_thread_start(
      String(name.prefix(15)), stack,
      { argument in
        unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, box.toOpaque(), &handle)
    if result != 0 {
      unsafe box.release()
      throw SystemError(-result, "pthread_create", name)
    }
    self.handle = handle
  }

  /// Waits until the closure has returned; once.
  public func join() { _ = cl_thread_join(handle) }

  /// Lets the thread end by itself, when nobody will join it.
  public func detach() { _ = cl_thread_detach(handle) }
}
