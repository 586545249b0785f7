internal import CLinux
internal import Linux

/// The guest's wall clock, which starts where the machine's real-time clock is, or in 1970.
enum GuestClock {
  /// Differences below this are not worth a jump, in nanoseconds.
  private static let tolerance: Int64 = 100_000_000

  /// Sets the clock to the host's time, in nanoseconds since 1970; 0 is none.
  static func set(_ nanoseconds: Int64) {
    if nanoseconds <= 0 { return }
    let (difference, overflow) = cl_realtime_ns().subtractingReportingOverflow(nanoseconds)
    if !overflow && difference.magnitude < UInt64(tolerance) { return }
    // A wrong time is no reason to refuse the container: it is seen in what it prints.
    _ = cl_set_realtime_ns(nanoseconds)
  }
}

/// The guest's random generator, which knows little after a boot on virtual hardware.
enum GuestEntropy {
  static func add(_ bytes: [UInt8]) {
    if bytes.isEmpty { return }
    guard let random = try? FileDescriptor.open("/dev/urandom", O_WRONLY) else { return }
    unsafe bytes.withUnsafeBytes {
      _ = unsafe cl_add_entropy(random.rawValue, $0.baseAddress!, $0.count)
    }
  }
}
