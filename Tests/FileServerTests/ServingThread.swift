import CLinux

/// Runs `body` on a thread of its own and waits for it: a thread that serves has another working
/// directory and umask from then on, which no thread of the test runner may get.
func onServingThread(_ body: @escaping @Sendable () throws -> Void) throws {
  let box = ThreadBox(body)
  var thread = pthread_t()
  let started = pthread_create(
    &thread, nil,
    { argument in
      let box = Unmanaged<ThreadBox>.fromOpaque(argument!).takeUnretainedValue()
      do { try box.body() } catch { box.error = error }
      return nil
    }, Unmanaged.passUnretained(box).toOpaque())
  precondition(started == 0)
  pthread_join(thread, nil)
  if let error = box.error { throw error }
}

private final class ThreadBox {
  let body: @Sendable () throws -> Void
  var error: (any Error)?
  init(_ body: @escaping @Sendable () throws -> Void) { self.body = body }
}
