internal import CLinux

/// Timing lines of `--debug` and `run --trace`: what took how long.
///
/// Off, a mark costs one load and one branch.
public enum Trace {
  /// Nanoseconds of the monotonic clock at the start; 0 when tracing is off.
  private nonisolated(unsafe) static var start: Int64 = 0
  private nonisolated(unsafe) static var last: Int64 = 0
  private nonisolated(unsafe) static var goesToLog = false

  public static var isOn: Bool { unsafe start != 0 }

  /// Starts the clock; lines go to standard error, or to the log as debug lines.
  public static func enable(toLog: Bool) {
    unsafe goesToLog = toLog
    unsafe start = cl_monotonic_ns()
    unsafe last = start
  }

  /// A step has ended: prints its time and the time since the start.
  @inline(__always)
  public static func mark(_ step: @autoclosure () -> String) {
    if isOn { print(step()) }
  }

  @inline(never)
  private static func print(_ step: String) {
    let now = cl_monotonic_ns()
    let line =
      "\(milliseconds(now - (unsafe start))) ms  +\(milliseconds(now - (unsafe last)))  \(step)"
    unsafe last = now
    if unsafe goesToLog {
      Log.debug(line)
    } else {
      var text = "swrun: trace: \(line)\n"
      _ = text.withUTF8 { unsafe cl_write(2, $0.baseAddress, $0.count) }
    }
    // The time of the printing is not that of the next step.
    let spent = cl_monotonic_ns() - now
    unsafe last += spent
    unsafe start += spent
  }

  /// `12.345`, right-aligned for times below ten seconds.
  private static func milliseconds(_ nanoseconds: Int64) -> String {
    let micros = nanoseconds / 1000
    let fraction = String(micros % 1000)
    let whole = String(micros / 1000)
    return String(repeating: " ", count: max(0, 4 - whole.count)) + whole + "."
      + String(repeating: "0", count: 3 - fraction.count) + fraction
  }
}
