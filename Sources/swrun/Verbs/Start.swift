internal import CommandLineInterface
internal import Isolation
internal import Linux

extension Swrun {
  /// `start ID`: lets the created container's process execute its program.
  static func start(_ arguments: Arguments) throws(RuntimeError) {
    try lifecycle(arguments).start(
      containerID(arguments), notifying: NotifySocket(environment: Environment.value))
  }
}
