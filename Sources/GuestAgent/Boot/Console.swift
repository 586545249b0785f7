internal import CLinux
internal import Linux

/// The guest's console, whose last lines the host shows when the guest fails.
enum Console {
  /// The longest line of the kernel's log, in bytes.
  private static let lineLimit = 900

  /// A line on the console, by way of the kernel's log: that is written at once, while a terminal's
  /// output may be lost with the machine.
  static func write(_ text: String) {
    let line = "swrun-guest: \(text)".utf8.prefix(lineLimit)
    // Critical, which no usual log level keeps from the console.
    if let log = try? FileDescriptor.open("/dev/kmsg", O_WRONLY),
      (try? log.writeAll(Array("<2>".utf8) + line)) != nil
    {
      return
    }
    guard let console = try? FileDescriptor.open("/dev/console", O_WRONLY | O_NOCTTY) else {
      return
    }
    try? console.writeAll(Array(line) + [UInt8(ascii: "\n")])
    _ = cl_drain_terminal(console.rawValue)
  }

  /// Says why the program does nothing, on standard error, and ends it.
  static func refuse(_ text: String) -> Never {
    try? FileDescriptor.writeAll(2, Array("\(text)\n".utf8))
    cl_exit(1)
  }

  /// Says why the guest ends, and ends it.
  ///
  /// The restart is what the host takes for the machine's end, as it does for a panic.
  static func fail(_ error: RuntimeError, _ boot: BootConnection?) -> Never {
    write("fatal: \(error)")
    boot?.tell(fatal: error.description)
    cl_sync()
    _ = cl_restart_machine()
    _ = cl_power_off()
    cl_exit(1)
  }
}
