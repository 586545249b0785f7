internal import CLinux
public import Linux

/// One process in the output of `ps`, as `ps -ef` shows it.
public struct ProcessListing: Sendable, Equatable {
  public let pid: Int32
  public let parent: Int32
  public let uid: UInt32
  /// The time on processors, in seconds.
  public let time: UInt64
  /// The percentage of a processor since the start.
  public let load: UInt64
  /// When it started, in seconds since 1970.
  public let start: Int64
  /// The terminal without `/dev/`, or `?`.
  public let terminal: String
  public let command: String

  /// Reads /proc/PID (proc(5)); nil when the process has ended.
  public init?(pid: Int32, clock: Clock) {
    guard let stat = try? File.readText("/proc/\(pid)/stat"),
      let status = try? File.readText("/proc/\(pid)/status"),
      let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")"),
      let uid = Self.uid(status)
    else { return nil }
    let fields = stat[stat.index(after: close)...].split(separator: " ")
    guard fields.count > 19, let parent = Int32(fields[1]), let device = Int(fields[4]),
      let user = UInt64(fields[11]), let system = UInt64(fields[12]),
      let started = UInt64(fields[19])
    else { return nil }
    self.pid = pid
    self.parent = parent
    self.uid = uid
    time = (user + system) / clock.ticks
    let age = clock.uptime > started / clock.ticks ? clock.uptime - started / clock.ticks : 0
    load = Self.load(time, age: age)
    start = clock.boot + Int64(started / clock.ticks)
    terminal = Self.terminal(device)
    command = Self.command(pid) ?? "[\(stat[stat.index(after: open)..<close])]"
  }

  /// A process that another kernel tells of; its numbers may be anything.
  public init(
    pid: Int32, parent: Int32, uid: UInt32, time: UInt64, start: Int64, terminal: String,
    command: String, now: Int64
  ) {
    self.pid = pid
    self.parent = parent
    self.uid = uid
    // A century of processor time, and the years from 1970 to 9999.
    self.time = min(time, 100 * 366 * 86400)
    self.start = max(0, min(start, 253_402_300_799))
    load = Self.load(self.time, age: UInt64(max(0, now - self.start)))
    self.terminal = terminal
    self.command = command
  }

  private static func load(_ time: UInt64, age: UInt64) -> UInt64 {
    age == 0 ? 0 : min(time * 100 / age, 99)
  }

  /// The moments that the numbers of /proc count from.
  public struct Clock: Sendable {
    let ticks: UInt64
    /// Seconds since the boot.
    let uptime: UInt64
    /// The boot, in seconds since 1970.
    let boot: Int64
    public let now: Int64

    /// Reads the host's.
    public init() throws(RuntimeError) {
      ticks = UInt64(max(cl_clock_ticks(), 1))
      now = cl_realtime_ns() / 1_000_000_000
      let text = try step("ps") { () throws(SystemError) in try File.readText("/proc/uptime") }
      uptime = UInt64(text.prefix { $0 != "." }) ?? 0
      boot = now - Int64(uptime)
    }
  }

  private static func uid(_ status: String) -> UInt32? {
    for line in status.split(separator: "\n") where line.hasPrefix("Uid:") {
      // The real, the effective, the saved and the file system's id; ps shows the effective one.
      let ids = line.split(whereSeparator: { $0 == "\t" || $0 == " " })
      return ids.count > 2 ? UInt32(ids[2]) : nil
    }
    return nil
  }

  /// The controlling terminal by its device number (kernel Documentation, devices.txt).
  private static func terminal(_ device: Int) -> String {
    let major = (device >> 8) & 0xfff
    let minor = (device & 0xff) | ((device >> 12) & 0xfff00)
    switch major {
    case 136...143: return "pts/\(minor + (major - 136) * 256)"
    case 4: return minor < 64 ? "tty\(minor)" : "ttyS\(minor - 64)"
    case 5 where minor == 1: return "console"
    default: return "?"
    }
  }

  /// The arguments; nil for a process without any, such as a zombie.
  private static func command(_ pid: Int32) -> String? {
    guard let bytes = try? File.read("/proc/\(pid)/cmdline", limit: 4 << 20) else { return nil }
    let words = bytes.split(separator: 0, omittingEmptySubsequences: false)
    // What a container calls its processes must not reach our caller's terminal as control codes.
    let text = words.map { word in
      String(decoding: word.map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }.joined(separator: " ")
    let end = text.lastIndex { $0 != " " }
    return end.map { String(text[...$0]) }
  }

  /// The table of `ps -ef` (procps).
  public static func table(_ rows: [ProcessListing], users: UserNames, now: Int64) -> String {
    let width = max(5, rows.map { String($0.pid).count }.max() ?? 5)
    var text =
      "UID      " + right("PID", width) + " " + right("PPID", width) + "  C STIME TTY"
      + "          TIME CMD\n"
    for row in rows {
      text += left(name(row.uid, users), 8) + " " + right(String(row.pid), width) + " "
      text += right(String(row.parent), width) + " " + right(String(row.load), 2) + " "
      text += right(started(row.start, now: now), 5) + " " + left(row.terminal, 8) + " "
      text += duration(row.time) + " " + row.command + "\n"
    }
    return text
  }

  private static func name(_ uid: UInt32, _ users: UserNames) -> String {
    guard let name = users[uid] else { return String(uid) }
    return name.count > 8 ? name.prefix(7) + "+" : name
  }

  /// `08:30` today, `Nov21` this year, else the year.
  private static func started(_ start: Int64, now: Int64) -> String {
    let then = unsafe cl_local_time(time_t(start))
    let today = unsafe cl_local_time(time_t(now))
    if unsafe then.tm_year == today.tm_year && then.tm_yday == today.tm_yday {
      return unsafe two(UInt64(then.tm_hour)) + ":" + two(UInt64(then.tm_min))
    }
    if unsafe then.tm_year != today.tm_year { return unsafe String(then.tm_year + 1900) }
    let months = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    return unsafe months[Int(then.tm_mon) % 12] + two(UInt64(then.tm_mday))
  }

  /// `[DD-]HH:MM:SS`.
  private static func duration(_ seconds: UInt64) -> String {
    let days = seconds / 86400
    let clock =
      two(seconds / 3600 % 24) + ":" + two(seconds / 60 % 60) + ":" + two(seconds % 60)
    return days > 0 ? two(days) + "-" + clock : clock
  }

  private static func two(_ number: UInt64) -> String {
    (number < 10 ? "0" : "") + String(number)
  }

  private static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
