internal import MachinePlan

/// What the kernel of a guest is told, whichever engine runs it.
enum KernelParameters {
  /// The console is the serial port, quiet enough not to slow the start; a panic is a reset, which
  /// the VMM sees by the keyboard controller. There is no PCI. With one processor a kernel would
  /// take its 7,000 lock prefixes out, one by one by way of a mapping made for each: up to
  /// a fourteenth of its start, for next to nothing later.
  private static let own = [
    "console=ttyS0", "quiet", "loglevel=4", "reboot=k", "panic=-1", "pci=off", "noreplace-smp",
  ]

  /// The plan's parameters come last: of two the kernel takes the later.
  static func line(of plan: MachinePlan) -> String {
    (own + plan.kernelParameters).joined(separator: " ")
  }
}
