public import CLinux

/// A process by descriptor: the number of a process that ended is never mistaken for another's.
public struct Pidfd: ~Copyable, Sendable {
  public let descriptor: FileDescriptor
  public let pid: pid_t

  public init(owning descriptor: consuming FileDescriptor, pid: pid_t) {
    self.descriptor = descriptor
    self.pid = pid
  }

  /// pidfd_open(2); ESRCH when no such process exists.
  public init(_ pid: pid_t) throws(SystemError) {
    descriptor = FileDescriptor(
      owning: try system("pidfd_open", "pid \(pid)") { cl_pidfd_open(pid, 0) })
    self.pid = pid
  }

  /// Signal 0 only asks whether the process exists.
  public func send(signal: CInt) throws(SystemError) {
    try system("pidfd_send_signal", "pid \(pid)") {
      cl_pidfd_send_signal(descriptor.rawValue, signal)
    }
  }
}

extension Pidfd {
  /// Waits until the process has ended, be it a zombie; false when the time is over before.
  public func awaitEnd(milliseconds: CInt) -> Bool {
    var polled = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    return unsafe cl_poll(&polled, 1, milliseconds) == 1
  }
}

/// What /proc/PID/stat says of a process (proc(5)).
public struct ProcessStatus: Equatable, Sendable {
  /// The state letter; `Z` and `X` are dead.
  public let state: Character
  public let parent: pid_t
  /// Clock ticks between boot and the process's start: with the pid it names one process.
  public let startTime: UInt64
  /// Whether the kernel runs it for itself (PF_KTHREAD).
  public let isKernelThread: Bool

  /// Nil when there is no such process.
  public init?(pid: pid_t) {
    guard let bytes = try? File.read("/proc/\(pid)/stat"),
      // The name stands in parentheses and may hold any byte: what follows the last one counts.
      let close = bytes.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    // By bytes: `list` reads one for each container, and Characters take twenty times as long.
    let fields = bytes[(close + 1)...].split(separator: UInt8(ascii: " "), maxSplits: 20)
    guard fields.count > 19, let state = fields[0].first, let parent = Self.number(fields[1]),
      let startTime = Self.number(fields[19])
    else { return nil }
    self.state = Character(UnicodeScalar(state))
    self.parent = pid_t(truncatingIfNeeded: parent)
    self.startTime = startTime
    isKernelThread = Self.number(fields[6]).map { $0 & 0x0020_0000 != 0 } ?? false
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
    if digits.isEmpty { return nil }
    var value: UInt64 = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
      if overflow || carry { return nil }
      value = sum
    }
    return value
  }

  public var isDead: Bool { state == "Z" || state == "X" || state == "x" }
}
