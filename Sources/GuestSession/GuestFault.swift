public import Linux

/// What a user is told of a guest that ended, or does not answer: what happened, why as far as the
/// guest's console tells, and its last lines.
public enum GuestFault {
  /// Lines of the console that a message has.
  private static let lines = 12

  /// `memoryAtBoot` is that of a guest whose container was not there yet: with a console that tells
  /// of too little of it, the message says so.
  public static func error(
    _ what: String, _ console: ConsoleText, memoryAtBoot: UInt64? = nil
  ) -> RuntimeError {
    var message = what
    if let panic = panic(console) { message += ": \(panic)" }
    if let memoryAtBoot, tellsOfTooLittleMemory(console) {
      message +=
        " (\(memoryAtBoot >> 20) MiB are too little memory for this kernel: raise"
        + " linux.resources.memory.limit or the annotation dev.swrun.vm.memory)"
    }
    let last = console.lastLines(lines)
    message +=
      last.isEmpty
      ? " (the guest's console is empty)" : "; the guest's last console lines:\n\(last)"
    return RuntimeError(message, exitCode: 255)
  }

  /// Why the guest's kernel gave up, in its own words.
  public static func panic(_ console: ConsoleText) -> String? {
    console.firstLine(from: "Kernel panic - not syncing")
  }

  /// In Linux's words: mm/oom_kill.c, and init/initramfs.c for an initramfs that does not fit.
  private static func tellsOfTooLittleMemory(_ console: ConsoleText) -> Bool {
    console.firstLine(from: "System is deadlocked on memory") != nil
      || console.firstLine(from: "Out of memory") != nil
      || console.firstLine(from: "Initramfs unpacking failed: write error") != nil
  }
}
