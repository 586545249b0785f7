internal import JSON
public import OCISpec

/// One container in the output of `list --format json`.
public struct ContainerListing: Sendable {
  public let state: State
  public let rootfs: String
  /// RFC 3339.
  public let created: String
  /// The name of the user who created it.
  public let owner: String

  public init(state: State, rootfs: String, created: String, owner: String) {
    self.state = state
    self.rootfs = rootfs
    self.created = created
    self.owner = owner
  }

  /// The array of `list --format json`, with runc's members.
  public static func json(_ rows: [ContainerListing]) -> [UInt8] {
    var json = JSONWriter()
    json.beginArray()
    for row in rows { row.write(to: &json) }
    json.endArray()
    json.endLine()
    return json.bytes
  }

  private func write(to json: inout JSONWriter) {
    json.beginObject()
    json.key("ociVersion")
    json.string(state.ociVersion)
    json.key("id")
    json.string(state.id)
    json.key("pid")
    json.integer(state.pid ?? 0)
    json.key("status")
    json.string(state.status.rawValue)
    json.key("bundle")
    json.string(state.bundle)
    json.key("rootfs")
    json.string(rootfs)
    json.key("created")
    json.string(created)
    if !state.annotations.isEmpty {
      json.key("annotations")
      json.beginObject()
      for (name, value) in state.annotations.sorted(by: { $0.key < $1.key }) {
        json.key(name)
        json.string(value)
      }
      json.endObject()
    }
    json.key("owner")
    json.string(owner)
    json.endObject()
  }
}

/// The table of `list`.
public struct ContainerTable: Sendable {
  private var table = TextTable(header: ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"])

  public init() {}

  /// Adds a container; the texts are UTF-8.
  public mutating func append(
    id: Span<UInt8>, pid: Int32?, status: State.Status, bundle: Span<UInt8>, created: Span<UInt8>,
    owner: String
  ) {
    table.append(id)
    table.append(String(pid ?? 0))
    table.append(status.rawValue)
    table.append(bundle)
    table.append(created)
    table.append(owner)
  }

  public var bytes: [UInt8] { table.bytes }
}
