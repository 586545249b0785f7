internal import JSON

/// What `list` needs of a record, as ranges of its text.
///
/// It takes what `ContainerRecord` writes, member by member in that order; all else is read by
/// `ContainerRecord`: a record of other members, with blanks, with escapes in these texts, or with a
/// fault.
struct RecordOutline {
  var id = 0..<0
  var ociVersion = 0..<0
  var bundle = 0..<0
  var rootfs = 0..<0
  var created = 0..<0
  var owner: UInt32 = 0
  var pid: Int32 = 0
  var startTime: UInt64 = 0
  var startsAtOnce = false
  var isSettingUp = false
  /// The object with its braces; empty when there is none.
  var annotations = 0..<0
  /// Whether it has a directory in the v1 hierarchy of that name.
  var hasFreezer = false

  init() {}

  init(_ json: inout JSONReader) throws(JSONError) {
    try Self.expect(json.take(#"{"format":"#), json)
    try Self.expect(try json.integer() == ContainerRecord.currentFormat, json)
    id = try Self.text(after: #","id":"#, &json)
    ociVersion = try Self.text(after: #","ociVersion":"#, &json)
    bundle = try Self.text(after: #","bundle":"#, &json)
    rootfs = try Self.text(after: #","rootfs":"#, &json)
    created = try Self.text(after: #","created":"#, &json)
    try Self.expect(json.take(#","owner":"#), json)
    owner = try json.integer()
    try Self.expect(json.take(#","pid":"#), json)
    pid = try json.integer()
    try Self.expect(json.take(#","startTime":"#), json)
    startTime = try json.integer()
    startsAtOnce = json.take(#","startsAtOnce":true"#)
    isSettingUp = json.take(#","settingUp":true"#)
    try Self.expect(json.take(#","annotations":"#), json)
    annotations = try Self.texts(&json).range
    _ = try Self.text(after: #","isolation":"#, &json)
    _ = try Self.text(after: #","isolationReason":"#, &json)
    _ = try Self.text(after: #","cgroupManager":"#, &json)
    try Self.expect(json.take(#","cgroups":"#), json)
    hasFreezer = try Self.texts(&json, with: "freezer").isFound
    if json.take(#","machine":"#) { _ = try Self.texts(&json) }
    try Self.expect(json.take(#","external_descriptors":"#), json)
    try json.skip()
    try Self.expect(json.take("}"), json)
  }

  /// The range of the text that stands behind `name`.
  private static func text(
    after name: StaticString, _ json: inout JSONReader
  ) throws(JSONError) -> Range<Int> {
    try expect(json.take(name), json)
    return try json.plainString()
  }

  private static func expect(
    _ isThere: Bool, _ json: borrowing JSONReader
  ) throws(JSONError) {
    if !isThere { throw json.invalid("is not as it was written", at: json.position) }
  }

  /// The range of an object whose values are texts, and whether it has a member of that name.
  private static func texts(
    _ json: inout JSONReader, with name: StaticString = ""
  ) throws(JSONError) -> (range: Range<Int>, isFound: Bool) {
    var isFound = false
    let start = json.position
    try expect(json.take(UInt8(ascii: "{")), json)
    if json.take(UInt8(ascii: "}")) { return (start..<json.position, false) }
    repeat {
      if json.has(name, at: try json.plainString()) { isFound = true }
      try expect(json.take(UInt8(ascii: ":")), json)
      _ = try json.plainString()
    } while json.take(UInt8(ascii: ","))
    try expect(json.take(UInt8(ascii: "}")), json)
    return (start..<json.position, isFound)
  }
}
