public import JSON

/// The JSON text of a value.
func encoded(_ value: some JSONValue) -> [UInt8] {
  var json = JSONWriter()
  value.write(to: &json)
  return json.bytes
}

/// The value of a whole JSON text, or what is wrong with it.
func decoded<Value: JSONValue>(
  _ type: Value.Type, _ bytes: [UInt8], of message: @autoclosure () -> String
) throws(ProtocolError) -> Value {
  do throws(JSONError) {
    var json = try JSONReader(bytes.span, maximumSize: HostMessage.createLimit)
    // A text for people may hold it; what goes to the kernel is checked where that happens.
    json.acceptsNUL = true
    let value = try Value(&json)
    try json.finish()
    return value
  } catch {
    throw .malformed(message(), reason: "at byte \(error.offset): \(error.reason)")
  }
}

/// A message without content.
struct Empty: JSONValue {
  init() {}

  init(_ json: inout JSONReader) throws(JSONError) {
    try json.beginObject()
    while try json.nextKey() != nil { try json.skip() }
  }

  func write(to json: inout JSONWriter) {
    json.beginObject()
    json.endObject()
  }
}

/// The size of a terminal, in characters.
public struct WindowSize: Sendable, Equatable {
  public var rows: UInt16
  public var columns: UInt16

  public init(rows: UInt16, columns: UInt16) {
    self.rows = rows
    self.columns = columns
  }
}

extension WindowSize: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var (rows, columns): (UInt16?, UInt16?) = (nil, nil)
    let start = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "rows": try json.read(&rows)
      case "columns": try json.read(&columns)
      default: try json.skip()
      }
    }
    self.rows = try json.require(rows, "rows", in: start)
    self.columns = try json.require(columns, "columns", in: start)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("rows", rows)
    json.member("columns", columns)
    json.endObject()
  }
}

/// A message of one member, whose name differs.
struct Single<Value: JSONValue> {
  /// Reads the member `name` of an object; it must be there.
  static func read(
    _ name: StaticString, _ bytes: [UInt8], of message: @autoclosure () -> String
  ) throws(ProtocolError) -> Value {
    do throws(JSONError) {
      var json = try JSONReader(bytes.span, maximumSize: HostMessage.createLimit)
      json.acceptsNUL = true
      var value: Value?
      let start = try json.beginObject()
      while let key = try json.nextKey() {
        if name ~= key { try json.read(&value) } else { try json.skip() }
      }
      try json.finish()
      return try json.require(value, name.description, in: start)
    } catch {
      throw .malformed(
        message(), reason: "at byte \(error.offset): \(error.missing ?? "") \(error.reason)")
    }
  }

  static func write(_ name: String, _ value: Value) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member(name, value)
    json.endObject()
    return json.bytes
  }
}
