internal import CommandLineInterface
internal import Isolation
internal import Linux
internal import OCISpec

extension Swrun {
  /// `list`: every container of the state directory.
  static func list(_ arguments: Arguments) throws(RuntimeError) {
    let lifecycle = lifecycle(arguments)
    let users = arguments.has(.quiet) ? nil : UserNames.ofHost
    var rows: [ContainerListing] = []
    try lifecycle.forEachSnapshot {
      rows.append(
        ContainerListing(
          state: lifecycle.ociState($0.record, $0.status), rootfs: $0.record.rootfs,
          created: $0.record.created, owner: users?[$0.record.owner] ?? "#\($0.record.owner)"))
    }
    if arguments.has(.quiet) {
      try Output.write(rows.map { $0.state.id + "\n" }.joined())
    } else if arguments[.format] == "json" {
      try Output.write(ContainerListing.json(rows))
    } else {
      try Output.write(ContainerListing.table(rows))
    }
  }
}
