internal import CLinux

/// A system call that failed: which one, on what, and the kernel's reason.
public struct SystemError: Error, Equatable, CustomStringConvertible {
  public let errno: CInt
  /// The name of the call, such as `openat2`.
  public let call: String
  /// What it was called on, such as a path; empty when there is nothing to name.
  public let subject: String

  public init(_ errno: CInt, _ call: String, _ subject: String = "") {
    self.errno = errno
    self.call = call
    self.subject = subject
  }

  /// The kernel's reason in words, such as `No such file or directory`.
  public var reason: String { Self.reason(errno) }

  public static func reason(_ errno: CInt) -> String {
    unsafe String(cString: cl_strerror(errno))
  }

  public var description: String {
    "\(call)\(subject.isEmpty ? "" : " ")\(subject): \(reason) (\(errno))"
  }
}

/// Turns the -errno convention of CLinux into a result or a `SystemError`; retries EINTR.
///
/// Every call into the kernel goes through here, so that no error number is looked at twice and
/// no interrupted call is taken for a failure.
@inlinable
@inline(__always)
@discardableResult
public func system<Result: FixedWidthInteger & SignedInteger>(
  _ call: StaticString, _ subject: @autoclosure () -> String = "", _ body: () -> Result
) throws(SystemError) -> Result {
  while true {
    let result = body()
    if result >= 0 { return result }
    let errno = Int32(truncatingIfNeeded: -result)
    if isInterruption(errno) { continue }
    throw SystemError(errno, call.description, subject())
  }
}

@usableFromInline func isInterruption(_ errno: Int32) -> Bool { errno == EINTR }
