internal import CommandLineInterface
internal import Isolation
internal import Linux

extension Swrun {
  /// `pause ID`.
  static func pause(_ arguments: Arguments) throws(RuntimeError) {
    try lifecycle(arguments).pause(containerID(arguments))
  }

  /// `resume ID`.
  static func resume(_ arguments: Arguments) throws(RuntimeError) {
    try lifecycle(arguments).resume(containerID(arguments))
  }
}
