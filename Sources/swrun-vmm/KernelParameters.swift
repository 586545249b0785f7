internal import MachinePlan

/// What the kernel of a guest is told, whichever engine runs it.
enum KernelParameters {
  /// The console is the serial port, each character of which is an exit: a panic's lines come there, and
  /// errors from the agent on, which raises the level; one before would be that there is no PCI. A panic
  /// is a reset, which the VMM sees by the keyboard controller. With one processor a kernel would take its
  /// 7,000 lock prefixes out, one by one by way of a mapping made for each: up to a fourteenth of its
  /// start, for next to nothing later. An initramfs is unpacked into a ramfs with less to do for each page
  /// than into a tmpfs, and is emptied by the agent either way.
  private static let own = [
    "console=ttyS0", "quiet", "loglevel=3", "reboot=k", "panic=-1", "pci=off", "noreplace-smp",
    "rootfstype=ramfs",
  ]

  /// The plan's parameters come last: of two the kernel takes the later.
  static func line(of plan: MachinePlan) -> String {
    // By hand: the library's function finds its types by their names, which takes longer than all of it.
    var line = ""
    // At once: what it had outgrown would be freed.
    line.reserveCapacity(512)
    for parameter in own + plan.kernelParameters {
      if !line.isEmpty { line += " " }
      line += parameter
    }
    return line
  }
}
