internal import CLinux
internal import JSON
internal import Linux
internal import MachinePlan

/// The program that is one virtual machine: from a plan to the exit code of the container's
/// process.
@main enum SwrunVMM {
  static func main() {
    let words = words()
    switch words.first {
    case "--probe": cl_exit(ProbeCommand.run())
    case "--plan" where words.count >= 2:
      if let plan = CInt(words[1]) { MachineProgram.run(plan) }
      fail("--plan \(words[1]): not the number of a descriptor")
    default:
      fail("swrun starts this program itself: swrun run --vm, or swrun-vmm --probe")
    }
  }

  /// What the program was called with; the library would make its own list first.
  private static func words() -> [String] {
    var words: [String] = []
    var index = 1
    while index < CommandLine.argc, let word = unsafe CommandLine.unsafeArgv[index] {
      words.append(unsafe String(cString: word))
      index += 1
    }
    return words
  }

  private static func fail(_ message: String) -> Never {
    try? FileDescriptor.writeAll(2, Array("swrun-vmm: \(message)\n".utf8))
    cl_exit(1)
  }
}
