internal import CLinux

/// Why a request failed, as the guest is told.
struct Failure: Error {
  let errno: CInt
  /// Whether nothing was done, and the same request may succeed once the guest has forgotten something.
  let mayPass: Bool

  init(_ errno: CInt) {
    self.errno = errno
    mayPass = false
  }

  private init(passing errno: CInt) {
    self.errno = errno
    mayPass = true
  }

  /// The guest knows as many files as it may.
  static let noPlace = Failure(passing: ENFILE)
}

/// Turns -errno into a failure; an interrupted call is made again.
@inline(__always)
@discardableResult
func call<Result: FixedWidthInteger & SignedInteger>(
  _ body: () -> Result
) throws(Failure) -> Result {
  while true {
    let result = body()
    if result >= 0 { return result }
    let errno = CInt(truncatingIfNeeded: 0 &- result)
    switch errno {
    case EINTR: continue
    // The limit is this process's, but what the guest sees is a full system.
    case EMFILE: throw Failure(ENFILE)
    // ENOSYS tells the guest never to ask again, for any file.
    case ENOSYS: throw Failure(EOPNOTSUPP)
    default: throw Failure(errno)
    }
  }
}
