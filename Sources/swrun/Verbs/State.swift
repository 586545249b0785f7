internal import CommandLineInterface
internal import Isolation
internal import JSON
internal import Linux
internal import OCISpec

extension Swrun {
  /// `state ID`: the OCI state as JSON, and what isolates the container and why.
  static func state(_ arguments: Arguments) throws(RuntimeError) {
    let lifecycle = lifecycle(arguments)
    let snapshot = try lifecycle.snapshot(containerID(arguments))
    let record = snapshot.record
    var json = JSONWriter(indent: "  ")
    json.beginObject()
    lifecycle.ociState(record, snapshot.status).writeMembers(to: &json)
    json.member("isolation", record.isolation)
    json.member("isolationReason", record.isolationReason)
    if !record.machine.isEmpty { json.member("machine", record.machine) }
    json.endObject()
    json.endLine()
    try Output.write(json.bytes)
  }
}
