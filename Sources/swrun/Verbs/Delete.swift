internal import CommandLineInterface
internal import Isolation
internal import Linux

extension Swrun {
  /// `delete ID`: what a stopped container left, or with `--force` any container.
  static func delete(_ arguments: Arguments) throws(RuntimeError) {
    let lifecycle = lifecycle(arguments)
    for id in try containers(arguments, lifecycle) {
      try lifecycle.delete(id, force: arguments.has(.force))
    }
  }
}
