internal import CLinux
internal import Linux

/// The guest's console, whose last lines the host shows when the guest fails.
enum Console {
  /// A line on the console; where that cannot be opened, in the kernel's log.
  static func write(_ text: String) {
    let line = Array("swrun-guest: \(text)\n".utf8)
    for path in ["/dev/console", "/dev/kmsg"] {
      if let file = try? FileDescriptor.open(path, O_WRONLY | O_NOCTTY),
        (try? file.writeAll(line)) != nil
      {
        return
      }
    }
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
