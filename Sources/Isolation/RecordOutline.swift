internal import JSON

/// What `list` needs of a record, as ranges of its text.
///
/// It takes what `ContainerRecord` writes, by whom all else is read: a record with escapes in these
/// texts, with null for a member, or with a fault.
struct RecordOutline {
  var id = 0..<0
  var ociVersion = 0..<0
  var bundle = 0..<0
  var rootfs = 0..<0
  var created = 0..<0
  var owner: UInt32 = 0
  var pid: Int32 = 0
  var startTime: UInt64 = 0
  var isSettingUp = false
  /// The object with its braces; empty when there is none.
  var annotations = 0..<0
  /// Whether it has a directory in the v1 hierarchy of that name.
  var hasFreezer = false

  init() {}

  init(_ json: inout JSONReader) throws(JSONError) {
    var format = 0
    let start = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "format": format = try json.integer()
      case "id": id = try json.plainString()
      case "ociVersion": ociVersion = try json.plainString()
      case "bundle": bundle = try json.plainString()
      case "rootfs": rootfs = try json.plainString()
      case "created": created = try json.plainString()
      case "owner": owner = try json.integer()
      case "pid": pid = try json.integer()
      case "startTime": startTime = try json.integer()
      case "settingUp": isSettingUp = try json.bool()
      case "annotations": annotations = try Self.texts(&json).range
      case "isolation", "isolationReason", "cgroupManager": _ = try json.plainString()
      case "cgroups": hasFreezer = try Self.texts(&json, with: "freezer").isFound || hasFreezer
      case "machine": _ = try Self.texts(&json)
      default: try json.skip()
      }
    }
    guard format == ContainerRecord.currentFormat else {
      throw json.invalid("format", at: start)
    }
  }

  /// The range of an object whose values are texts, and whether it has a member of that name.
  private static func texts(
    _ json: inout JSONReader, with name: StaticString = ""
  ) throws(JSONError) -> (range: Range<Int>, isFound: Bool) {
    var isFound = false
    let start = try json.beginObject()
    while let key = try json.nextPlainKey() {
      if json.has(name, at: key) { isFound = true }
      _ = try json.plainString()
    }
    return (start..<json.position, isFound)
  }
}
