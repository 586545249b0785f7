internal import CLinux
internal import JSON
internal import Linux
internal import MachinePlan

/// The program that is one virtual machine: from a plan to the exit code of the container's
/// process.
@main enum SwrunVMM {
  static func main() {
    let words = Array(Environment.words.dropFirst())
    switch words.first {
    case "--probe": cl_exit(ProbeCommand.run())
    case "--plan" where words.count >= 2:
      if let plan = CInt(words[1]) { MachineProgram.run(plan) }
      fail("--plan \(words[1]): not the number of a descriptor")
    default:
      fail("swrun starts this program itself: swrun run --vm, or swrun-vmm --probe")
    }
  }

  private static func fail(_ message: String) -> Never {
    try? FileDescriptor.writeAll(2, Array("swrun-vmm: \(message)\n".utf8))
    cl_exit(1)
  }
}
