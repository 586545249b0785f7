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
    for id in try lifecycle.store.list() {
      let snapshot: ContainerSnapshot
      do { snapshot = try lifecycle.snapshot(id) } catch {
        // One that is being made or deleted right now is in no list; a damaged one must not hide
        // the others.
        if error != StateStore.doesNotExist(id) { Log.warning("list: \(id): \(error)") }
        continue
      }
      let record = snapshot.record
      rows.append(
        ContainerListing(
          state: lifecycle.ociState(record, snapshot.status), rootfs: record.rootfs,
          created: record.created, owner: users?[record.owner] ?? "#\(record.owner)"))
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
