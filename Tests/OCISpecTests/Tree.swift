import Foundation
import JSON

/// A JSON text as a tree, read by Foundation: a second opinion on what a text means.
indirect enum Tree: Decodable, Equatable {
  case object([String: Tree])
  case array([Tree])
  case string(String)
  case integer(Int64)
  case bool(Bool)
  case null
  /// A text that is written as it stands.
  case raw(String)

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let bool = try? value.decode(Bool.self) {
      self = .bool(bool)
    } else if let integer = try? value.decode(Int64.self) {
      self = .integer(integer)
    } else if let string = try? value.decode(String.self) {
      self = .string(string)
    } else if let array = try? value.decode([Tree].self) {
      self = .array(array)
    } else {
      self = .object(try value.decode([String: Tree].self))
    }
  }

  static func parse(_ text: String) throws -> Tree {
    try JSONDecoder().decode(Tree.self, from: Data(text.utf8))
  }

  var text: [UInt8] {
    var writer = JSONWriter(indent: " ")
    write(to: &writer)
    return writer.bytes
  }

  private func write(to json: inout JSONWriter) {
    switch self {
    case .object(let members):
      json.beginObject()
      for (name, value) in members.sorted(by: { $0.key < $1.key }) {
        json.key(name)
        value.write(to: &json)
      }
      json.endObject()
    case .array(let elements):
      json.beginArray()
      for element in elements { element.write(to: &json) }
      json.endArray()
    case .string(let string): json.string(string)
    case .integer(let integer): json.integer(integer)
    case .bool(let bool): json.bool(bool)
    case .null: json.null()
    case .raw(let text): json.raw(text)
    }
  }

  /// Every value in the tree but the root, with the way to it.
  var places: [(steps: [JSONPlace.Step], value: Tree)] {
    var found: [(steps: [JSONPlace.Step], value: Tree)] = []
    let children: [(JSONPlace.Step, Tree)] =
      switch self {
      case .object(let members):
        members.sorted { $0.key < $1.key }.map { (.member($0.key), $0.value) }
      case .array(let elements): elements.enumerated().map { (.element($0), $1) }
      default: []
      }
    for (step, child) in children {
      found.append(([step], child))
      found += child.places.map { ([step] + $0.steps, $0.value) }
    }
    return found
  }

  /// The tree with another value at `steps`, or without it when `value` is `nil`.
  func replacing(_ steps: some Collection<JSONPlace.Step>, by value: Tree?) -> Tree {
    guard let step = steps.first else { return value ?? .null }
    let rest = steps.dropFirst()
    switch (self, step) {
    case (.object(var members), .member(let name)):
      members[name] =
        rest.isEmpty && value == nil ? nil : members[name]?.replacing(rest, by: value)
      return .object(members)
    case (.array(var elements), .element(let index)):
      if rest.isEmpty && value == nil {
        elements.remove(at: index)
      } else {
        elements[index] = elements[index].replacing(rest, by: value)
      }
      return .array(elements)
    default: return self
    }
  }
}
