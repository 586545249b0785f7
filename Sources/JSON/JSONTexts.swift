/// The members of an object whose values are texts: few, in the order of their names and so of their text in JSON. A
/// dictionary's tables and hashes are code that no start of a program needs otherwise (specs/performance.md).
public struct JSONTexts: Sendable, Equatable {
  public struct Member: Sendable, Equatable {
    public let key: String
    public var value: String
  }

  private var members: [Member] = []

  public init() {}

  /// The first text of each name.
  public init(firstOf pairs: [(key: String, value: String)]) {
    for (key, value) in pairs where self[key] == nil { self[key] = value }
  }

  public var keys: [String] { members.map(\.key) }

  public subscript(key: String) -> String? {
    get { members.first { $0.key == key }?.value }
    set {
      let place = members.firstIndex { $0.key >= key } ?? members.count
      let isThere = place < members.count && members[place].key == key
      switch (newValue, isThere) {
      case (let value?, true): members[place].value = value
      case (let value?, false): members.insert(Member(key: key, value: value), at: place)
      case (nil, true): members.remove(at: place)
      case (nil, false): break
      }
    }
  }

  public func mapValues(_ transform: (String) -> String) -> JSONTexts {
    var result = self
    for index in members.indices { result.members[index].value = transform(members[index].value) }
    return result
  }
}

extension JSONTexts: RandomAccessCollection {
  public var startIndex: Int { members.startIndex }
  public var endIndex: Int { members.endIndex }
  public subscript(place: Int) -> Member { members[place] }
}

extension JSONTexts: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, String)...) {
    for (key, value) in elements { self[key] = value }
  }
}

extension JSONTexts: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    try json.beginObject()
    while let key = try json.nextStringKey() { self[key] = try json.string() }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    for member in members {
      json.key(member.key)
      json.string(member.value)
    }
    json.endObject()
  }
}
