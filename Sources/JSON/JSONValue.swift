/// A value that is read from and written as JSON.
public protocol JSONValue {
  init(_ json: inout JSONReader) throws(JSONError)
  func write(to json: inout JSONWriter)
}

/// A string of a fixed set; any other is an error that names the set.
public protocol JSONEnumeration: JSONValue, RawRepresentable, CaseIterable
where RawValue == String {}

extension JSONEnumeration {
  @inlinable public init(_ json: inout JSONReader) throws(JSONError) {
    let offset = json.valueOffset()
    let text = try json.string()
    guard let value = Self(rawValue: text) else {
      throw json.unknown(Self.allCases.map(\.rawValue), at: offset)
    }
    self = value
  }

  @inlinable public func write(to json: inout JSONWriter) { json.string(rawValue) }
}

extension JSONValue where Self: FixedWidthInteger {
  @inlinable public init(_ json: inout JSONReader) throws(JSONError) { self = try json.integer() }
  @inlinable public func write(to json: inout JSONWriter) { json.integer(self) }
}

extension Int: JSONValue {}
extension Int32: JSONValue {}
extension Int64: JSONValue {}
extension UInt: JSONValue {}
extension UInt16: JSONValue {}
extension UInt32: JSONValue {}
extension UInt64: JSONValue {}

extension Bool: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) { self = try json.bool() }
  public func write(to json: inout JSONWriter) { json.bool(self) }
}

extension String: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) { self = try json.string() }
  public func write(to json: inout JSONWriter) { json.string(self) }
}

extension Array: JSONValue where Element: JSONValue {
  @inlinable public init(_ json: inout JSONReader) throws(JSONError) {
    self = []
    try json.beginArray()
    while try json.nextElement() { append(try Element(&json)) }
  }

  @inlinable public func write(to json: inout JSONWriter) {
    json.beginArray()
    for element in self { element.write(to: &json) }
    json.endArray()
  }
}

/// A key of an object whose names are data.
public protocol JSONMapKey: Hashable {
  init?(jsonKey: String)
  var jsonKey: String { get }
}

extension String: JSONMapKey {
  public init?(jsonKey: String) { self = jsonKey }
  public var jsonKey: String { self }
}

extension Dictionary: JSONValue where Key: JSONMapKey, Value: JSONValue {
  @inlinable public init(_ json: inout JSONReader) throws(JSONError) {
    self = [:]
    try json.beginObject()
    while let name = try json.nextStringKey() {
      let offset = json.valueOffset()
      guard let key = Key(jsonKey: name) else { throw json.invalid("is not known", at: offset) }
      // Grown from nothing it would be made anew at the first member, the second, and the fourth.
      if isEmpty { reserveCapacity(8) }
      self[key] = try Value(&json)
    }
  }

  /// Writes the members in the order of their names, so that equal values have equal texts.
  @inlinable public func write(to json: inout JSONWriter) {
    json.beginObject()
    for (key, value) in map({ ($0.key.jsonKey, $0.value) }).sorted(by: { $0.0 < $1.0 }) {
      json.key(key)
      value.write(to: &json)
    }
    json.endObject()
  }
}

extension JSONReader {
  /// Reads a value; `null` leaves what is there, as an absent member does.
  @inlinable public mutating func read<Value: JSONValue>(
    _ value: inout Value
  ) throws(JSONError) {
    if try null() { return }
    value = try Value(&self)
  }

  /// Reads a value; `null` is the same as absent.
  @inlinable public mutating func read<Value: JSONValue>(
    _ value: inout Value?
  ) throws(JSONError) {
    value = try null() ? nil : Value(&self)
  }

  /// Reads an array; `null` is the same as empty.
  @inlinable public mutating func read<Value: JSONValue>(
    _ value: inout [Value]
  ) throws(JSONError) {
    value = try null() ? [] : [Value](&self)
  }

  /// Reads an object whose names are data; `null` is the same as empty.
  @inlinable public mutating func read<Key: JSONMapKey, Value: JSONValue>(
    _ value: inout [Key: Value]
  ) throws(JSONError) {
    value = try null() ? [:] : [Key: Value](&self)
  }

  /// Reads a string value for which the specification takes empty for absent.
  public mutating func nonEmpty<Value: JSONValue>(_ value: inout Value?) throws(JSONError) {
    if peek() == UInt8(ascii: "\""), position + 1 < bytes.count,
      bytes[position + 1] == UInt8(ascii: "\"")
    {
      _ = try string()
      value = nil
    } else {
      try read(&value)
    }
  }
}

extension JSONWriter {
  /// Writes a member; an absent value leaves it out.
  @inlinable public mutating func member<Value: JSONValue>(_ name: String, _ value: Value?) {
    guard let value else { return }
    key(name)
    value.write(to: &self)
  }

  /// Writes a member unless it has the value that absence means.
  @inlinable public mutating func member<Value: JSONValue & Equatable>(
    _ name: String, _ value: Value, omitting absent: Value
  ) {
    if value != absent { member(name, value) }
  }
}
