public import Linux

/// What answers the FUSE requests of a file system device; several threads call it at once.
public protocol FilesystemHandler: AnyObject, Sendable {
  /// Makes the calling thread one that may call `handle`; once on each, before all else.
  func prepareThread() throws(SystemError)

  /// What `FilesystemDevice.adjustThreads` has each thread do.
  func adjustThread()

  /// Answers one request: `request` holds it and `reply` is the room for the answer, both in guest
  /// memory, which changes at any time. The bytes written to `reply`.
  ///
  /// Of a device with shared memory parts of both may lie in it, which only system calls may touch.
  ///
  /// It is nil where nothing was done, and `waiting` says that the request may wait: it is handed in again
  /// when `canGoOn`, now and then, and at last.
  func handle(request: Segments, reply: Segments, waiting: inout RequestWaiting) -> Int?

  /// Whether a request that waits could be answered now. It becomes true by the answer to another one, or
  /// by a request that has no answer.
  var canGoOn: Bool { get }

  /// The driver has let go of the device; no request is being answered.
  func deviceWasReset()
}

/// How a request waits that can't be answered before others.
public struct RequestWaiting: Sendable {
  /// Whether it may; else it has to be answered.
  public internal(set) var isAllowed = true
  /// What the handler likes to remember of it; 0 at first.
  public var ticket: UInt64 = 0
}

extension FilesystemHandler {
  public func adjustThread() {}
  public var canGoOn: Bool { true }
  public func deviceWasReset() {}
}
