internal import CLinux

/// The signals of kill, by number or by name.
public enum SignalName {
  /// The number of a signal: `15`, `TERM`, `SIGTERM`, `term`, `RTMIN+3`; nil when there is none.
  ///
  /// Zero is no signal: the kernel only checks that the process may be signalled.
  public static func number(_ text: String) -> CInt? {
    if let first = text.utf8.first, isDigit(first) {
      guard let number = decimal(text), number <= last else { return nil }
      return CInt(number)
    }
    var name = text.uppercased()[...]
    if name.hasPrefix("SIG") { name = name.dropFirst(3) }
    if let known = names.first(where: { name == $0.name.description }) { return known.number }
    return realtime(name)
  }

  private static func realtime(_ name: Substring) -> CInt? {
    let isFirst = name.hasPrefix("RTMIN")
    guard isFirst || name.hasPrefix("RTMAX") else { return nil }
    let rest = name.dropFirst(5)
    if rest.isEmpty { return CInt(isFirst ? firstRealtime : last) }
    guard rest.first == (isFirst ? "+" : "-"), let offset = decimal(rest.dropFirst()),
      offset <= last - firstRealtime
    else { return nil }
    return CInt(isFirst ? firstRealtime + offset : last - offset)
  }

  // The C library keeps two of the kernel's real-time signals for itself.
  private static let firstRealtime: UInt64 = 34
  private static let last: UInt64 = 64

  private static let names: [(name: StaticString, number: CInt)] = [
    ("HUP", SIGHUP), ("INT", SIGINT), ("QUIT", SIGQUIT), ("ILL", SIGILL), ("TRAP", SIGTRAP),
    ("ABRT", SIGABRT), ("IOT", SIGABRT), ("BUS", SIGBUS), ("FPE", SIGFPE), ("KILL", SIGKILL),
    ("USR1", SIGUSR1), ("SEGV", SIGSEGV), ("USR2", SIGUSR2), ("PIPE", SIGPIPE),
    ("ALRM", SIGALRM), ("TERM", SIGTERM), ("STKFLT", SIGSTKFLT), ("CHLD", SIGCHLD),
    ("CLD", SIGCHLD), ("CONT", SIGCONT), ("STOP", SIGSTOP), ("TSTP", SIGTSTP),
    ("TTIN", SIGTTIN), ("TTOU", SIGTTOU), ("URG", SIGURG), ("XCPU", SIGXCPU),
    ("XFSZ", SIGXFSZ), ("VTALRM", SIGVTALRM), ("PROF", SIGPROF), ("WINCH", SIGWINCH),
    ("IO", SIGIO), ("POLL", SIGIO), ("PWR", SIGPWR), ("SYS", SIGSYS),
  ]
}

func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

/// Digits and nothing else; nil beyond 64 bits.
func decimal(_ text: some StringProtocol) -> UInt64? {
  text.utf8.allSatisfy(isDigit) ? UInt64(text) : nil
}
