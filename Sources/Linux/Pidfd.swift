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
  public let state: Unicode.Scalar
  public let parent: pid_t
  /// Clock ticks between boot and the process's start: with the pid it names one process.
  public let startTime: UInt64
  /// Whether the kernel runs it for itself (PF_KTHREAD).
  public let isKernelThread: Bool

  /// Nil when there is no such process.
  public init?(pid: pid_t) {
    // `list` asks of every container: no string, no array, and one call, which gives the whole of the
    // line. It has some fifty numbers of at most 20 digits, and a name.
    let opened = cl_open_proc_stat(pid)
    guard opened >= 0 else { return nil }
    let file = FileDescriptor(owning: opened)
    var line = InlineArray<2048, UInt8>(repeating: 0)
    var bytes = line.mutableSpan
    let count = unsafe bytes.withUnsafeMutableBytes {
      unsafe cl_read(file.rawValue, $0.baseAddress!, $0.count)
    }
    guard count > 0 else { return nil }
    self.init(stat: bytes.span.extracting(first: count))
  }

  /// The text of the file; nil when it has another form.
  init?(stat line: Span<UInt8>) {
    // The name stands in parentheses and may hold any byte: what follows the last one counts.
    let end = unsafe line.withUnsafeBytes { unsafe cl_last_byte($0.baseAddress, $0.count, 0x29) }
    guard end >= 0 else { return nil }
    var index = end + 2
    guard index < line.count else { return nil }
    state = Unicode.Scalar(line[index])
    var numbers: (parent: UInt64, flags: UInt64, startTime: UInt64) = (0, 0, 0)
    index += 1
    for field in 4...22 {
      // Blanks part the fields; some of those that are not asked for are negative.
      guard index < line.count, line[index] == UInt8(ascii: " ") else { return nil }
      index += 1
      var value: UInt64 = 0
      while index < line.count {
        let digit = line[index] &- UInt8(ascii: "0")
        if digit <= 9 {
          value = value &* 10 &+ UInt64(digit)
        } else if line[index] == UInt8(ascii: " ") {
          break
        } else if line[index] != UInt8(ascii: "-") {
          return nil
        }
        index += 1
      }
      switch field {
      case 4: numbers.parent = value
      case 9: numbers.flags = value
      case 22: numbers.startTime = value
      default: break
      }
    }
    parent = pid_t(truncatingIfNeeded: numbers.parent)
    isKernelThread = numbers.flags & 0x0020_0000 != 0
    startTime = numbers.startTime
  }

  public var isDead: Bool { state == "Z" || state == "X" || state == "x" }

  /// The process of that number which started then; nil when it has ended, be it a zombie.
  public static func living(pid: pid_t, startTime: UInt64) -> ProcessStatus? {
    guard pid > 0, let status = ProcessStatus(pid: pid), status.startTime == startTime,
      !status.isDead
    else { return nil }
    return status
  }
}
