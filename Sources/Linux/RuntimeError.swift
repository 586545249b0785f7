/// What a user sees when a step fails: what failed on what, why, and what to do about it.
///
/// Every module above `Linux` throws this one type; leaf calls throw `SystemError`, and the step
/// that called them adds what it was doing.
public struct RuntimeError: Error, Equatable, CustomStringConvertible {
  /// What failed, on what and why, on one line: `mounts[3]: source /data does not exist`.
  public let message: String
  /// What the user can do, where that is known.
  public let advice: String?
  /// The exit code of the program; 1 unless the field has a convention (126, 127, 255).
  public let exitCode: CInt

  public init(_ message: String, advice: String? = nil, exitCode: CInt = 1) {
    self.message = message
    self.advice = advice
    self.exitCode = exitCode
  }

  /// `step: call subject: reason (errno)`.
  public init(
    _ step: String, _ error: SystemError, advice: String? = nil, exitCode: CInt = 1
  ) {
    self.init("\(step): \(error)", advice: advice, exitCode: exitCode)
  }

  public var description: String { advice.map { "\(message) (\($0))" } ?? message }
}

/// Runs a step whose calls throw `SystemError` and names the step in the error.
@inline(__always)
@discardableResult
@inlinable
public func step<Result: ~Copyable>(
  _ name: @autoclosure () -> String, advice: @autoclosure () -> String? = nil,
  _ body: () throws(SystemError) -> Result
) throws(RuntimeError) -> Result {
  do { return try body() } catch { throw RuntimeError(name(), error, advice: advice()) }
}
