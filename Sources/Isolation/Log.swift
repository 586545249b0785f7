internal import CLinux
internal import JSON
public import Linux

/// Where errors, warnings and debug lines go: standard error, and the file of `--log`.
///
/// The program has one thread, which sets this up before its first step.
public enum Log {
  public enum Format: String, Sendable { case text, json }

  public enum Level: String, Sendable { case error, warning, debug }

  private struct Destination {
    /// The file of `--log`; -1 when there is none. It stays open until the program ends.
    var file: CInt = -1
    var format: Format = .text
  }

  private nonisolated(unsafe) static var destination = Destination()
  /// Whether debug lines are wanted.
  public nonisolated(unsafe) private(set) static var isDebugging = false

  /// Opens the file of `--log`, which is appended to; `debug` wants debug lines.
  public static func configure(
    file: String?, format: Format, debug: Bool
  ) throws(RuntimeError) {
    unsafe isDebugging = debug
    unsafe destination.format = format
    guard let file else { return }
    let opened = try step("--log \(file)", advice: "the directory must exist and be writable") {
      () throws(SystemError) in
      try FileDescriptor.open(file, O_WRONLY | O_CREAT | O_APPEND, mode: 0o644)
    }
    unsafe destination.file = opened.release()
  }

  /// The line that says why the program ends: to the caller, and to the log that engines read.
  public static func error(_ error: RuntimeError) { write(.error, error.description) }

  /// A line on what the user should know although the program goes on.
  public static func warning(_ message: String) { write(.warning, message) }

  /// A line on what is done; not even made unless `--debug` was given.
  public static func debug(_ message: @autoclosure () -> String) {
    if unsafe isDebugging { write(.debug, message()) }
  }

  private static func write(_ level: Level, _ message: String) {
    let destination = unsafe destination
    if destination.file >= 0 {
      put(destination.file, line(level, message, destination.format))
      // Debug lines go to the file alone, as engines show what is on standard error.
      if level == .debug { return }
    }
    if destination.file < 0 && destination.format == .json {
      put(2, line(level, message, .json))
      return
    }
    let prefix = level == .error ? "swrun: " : "swrun: \(level.rawValue): "
    put(2, Array((prefix + printable(message) + "\n").utf8))
  }

  /// The message without control characters: a configuration's strings are in it, and must not reach
  /// the caller's terminal as commands. Further lines, a guest's console or registers, are indented:
  /// none of them can pass for a message of its own.
  static func printable(_ message: String) -> String {
    if !message.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) { return message }
    var result = ""
    for scalar in message.unicodeScalars {
      if scalar == "\n" {
        result += "\n  "
      } else if scalar.value < 0x20 || scalar.value == 0x7f {
        result += scalar.escaped(asASCII: true)
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// One write call, so that lines of several processes do not mix; a log that cannot be written
  /// must not end what it tells of.
  private static func put(_ fd: CInt, _ bytes: [UInt8]) {
    try? FileDescriptor.writeAll(fd, bytes)
  }

  /// A line as runc writes it, which engines read back.
  static func line(
    _ level: Level, _ message: String, _ format: Format, at time: Timestamp = .now
  ) -> [UInt8] {
    var quoted = JSONWriter()
    switch format {
    case .json:
      quoted.beginObject()
      quoted.key("level")
      quoted.string(level.rawValue)
      quoted.key("msg")
      quoted.string(message)
      quoted.key("time")
      quoted.string(time.seconds)
      quoted.endObject()
      quoted.endLine()
      return quoted.bytes
    case .text:
      quoted.string(message)
      return Array("time=\"\(time.seconds)\" level=\(level.rawValue) msg=".utf8) + quoted.bytes
        + [UInt8(ascii: "\n")]
    }
  }
}
