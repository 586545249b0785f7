internal import CommandLineInterface
internal import Isolation
internal import Linux
internal import OCISpec

extension Swrun {
  /// `list`: every container of the state directory.
  static func list(_ arguments: Arguments) throws(RuntimeError) {
    let lifecycle = lifecycle(arguments)
    if arguments.has(.quiet) { return try Output.write(ids(lifecycle)) }
    var owners = OwnerNames()
    if arguments[.format] == "json" {
      var rows: [ContainerListing] = []
      try lifecycle.forEachListed { container, text in
        rows.append(listing(container, text, owners.name(container.owner)))
      }
      return try Output.write(ContainerListing.json(rows))
    }
    var table = ContainerTable()
    try lifecycle.forEachListed { container, text in
      table.append(
        id: text.extracting(container.id), pid: container.pid, status: container.status,
        bundle: text.extracting(container.bundle), created: text.extracting(container.created),
        owner: owners.name(container.owner))
    }
    try Output.write(table.bytes)
  }

  private static func ids(_ lifecycle: Lifecycle) throws(RuntimeError) -> [UInt8] {
    var lines: [UInt8] = []
    try lifecycle.forEachListed { container, text in
      for index in container.id { lines.append(text[index]) }
      lines.append(UInt8(ascii: "\n"))
    }
    return lines
  }

  private static func listing(
    _ container: ListedContainer, _ text: Span<UInt8>, _ owner: String
  ) -> ContainerListing {
    func string(_ range: Range<Int>) -> String {
      unsafe text.extracting(range).withUnsafeBufferPointer {
        unsafe String(decoding: $0, as: UTF8.self)
      }
    }
    return ContainerListing(
      state: State(
        ociVersion: string(container.ociVersion), id: string(container.id),
        status: container.status, pid: container.pid, bundle: string(container.bundle),
        annotations: container.annotations(text)),
      rootfs: string(container.rootfs), created: string(container.created), owner: owner)
  }
}

/// The names of those who created containers; most have the same.
private struct OwnerNames {
  private let users = UserNames.ofHost
  private var last: (id: UInt32, name: String)?

  mutating func name(_ id: UInt32) -> String {
    if let last, last.id == id { return last.name }
    let name = users[id] ?? "#\(id)"
    last = (id, name)
    return name
  }
}
