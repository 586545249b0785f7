internal import CLinux
internal import CommandLineInterface
internal import Isolation
internal import Linux

extension Swrun {
  /// `kill ID [SIGNAL]`: a signal to the first process, or with `--all` to every one.
  static func kill(_ arguments: Arguments) throws(RuntimeError) {
    let name = arguments.operands.dropFirst().first ?? "SIGTERM"
    guard let signal = SignalName.number(name) else {
      throw RuntimeError(
        "unknown signal \"\(name)\"", advice: "a number to 64, or a name such as TERM or RTMIN+1")
    }
    let lifecycle = lifecycle(arguments)
    for id in try containers(arguments, lifecycle) {
      try lifecycle.kill(id, signal: signal, all: arguments.has(.all))
    }
  }
}
