import GuestSession
import Linux
import Testing

@Suite struct GuestFaultTests {
  private func message(_ console: String, memory: UInt64? = nil) -> String {
    GuestFault.error("it ended", ConsoleText(Array(console.utf8)), memoryAtBoot: memory)
      .description
  }

  @Test func withoutAConsole() {
    #expect(message("") == "it ended (the guest's console is empty)")
  }

  @Test func theReasonOfAPanicComesFirst() {
    let trace = (0..<40).map { "[ 1.0]  frame\($0)" }.joined(separator: "\n")
    let text = message("[ 0.9] Kernel panic - not syncing: why\n\(trace)\n", memory: 1 << 29)
    #expect(
      text.hasPrefix(
        "it ended: Kernel panic - not syncing: why; the guest's last console lines:\n"))
    #expect(text.hasSuffix("frame39") && !text.contains("frame20"))
    #expect(!text.contains("too little memory"))
  }

  @Test(arguments: [
    "Kernel panic - not syncing: System is deadlocked on memory",
    "Initramfs unpacking failed: write error", "Out of memory: Killed process 1",
  ])
  func tooLittleMemoryAtBoot(line: String) {
    #expect(message("[ 1.0] \(line)\n", memory: 96 << 20).contains("96 MiB are too little memory"))
    // Later it is the container that has used it up.
    #expect(!message("[ 1.0] \(line)\n").contains("too little memory"))
  }
}
