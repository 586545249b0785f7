internal import CommandLineInterface
internal import Linux

extension Swrun {
  /// `completion SHELL`: the shell's script on standard output.
  static func completion(_ arguments: Arguments) throws(RuntimeError) {
    guard let shell = Completion(rawValue: arguments.operands[0]) else {
      throw RuntimeError(
        "completion: unknown shell \"\(arguments.operands[0])\"", advice: "bash, zsh or fish")
    }
    try Output.write(shell.text())
  }
}
