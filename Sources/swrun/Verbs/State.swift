internal import CommandLineInterface
internal import Isolation
internal import Linux
internal import OCISpec

extension Swrun {
  /// `state ID`: the OCI state as JSON.
  static func state(_ arguments: Arguments) throws(RuntimeError) {
    let lifecycle = lifecycle(arguments)
    let snapshot = try lifecycle.snapshot(containerID(arguments))
    let state = lifecycle.ociState(snapshot.record, snapshot.status)
    try Output.write(state.encoded(indent: "  ") + [UInt8(ascii: "\n")])
  }
}
