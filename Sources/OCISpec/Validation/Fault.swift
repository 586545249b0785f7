public import JSON

/// A rule of the specification that a value breaks.
public struct Fault: Error, Equatable {
  /// The way to the value.
  public private(set) var steps: [JSONPlace.Step]
  /// What is wrong, such as `is not an absolute path`.
  public let reason: String

  init(_ reason: String) {
    steps = []
    self.reason = reason
  }

  /// The way to the value as a person writes it, such as `process.user.uid`.
  public var path: String { JSONPlace.path(steps) }

  func inside(_ step: JSONPlace.Step) -> Fault {
    var outer = self
    outer.steps.insert(step, at: 0)
    return outer
  }
}

/// Runs checks of a member and names it in their faults; it costs nothing when there are none.
@inline(__always)
func within(_ member: String, _ checks: () throws(Fault) -> Void) throws(Fault) {
  do { try checks() } catch { throw error.inside(.member(member)) }
}

/// Runs checks of each element and names it in their faults.
@inline(__always)
func each<Element>(
  _ elements: [Element], _ checks: (Element) throws(Fault) -> Void
) throws(Fault) {
  for (index, element) in elements.enumerated() {
    do { try checks(element) } catch { throw error.inside(.element(index)) }
  }
}

/// Runs checks of each member of an object whose names are data.
@inline(__always)
func each<Key: JSONMapKey, Value>(
  _ members: [Key: Value], _ checks: (Key, Value) throws(Fault) -> Void
) throws(Fault) {
  for (key, value) in members {
    do { try checks(key, value) } catch { throw error.inside(.member(key.jsonKey)) }
  }
}

/// Fails when a rule does not hold.
@inline(__always)
func require(_ rule: Bool, _ reason: @autoclosure () -> String) throws(Fault) {
  if !rule { throw Fault(reason()) }
}

func requireAbsolute(_ path: String) throws(Fault) {
  try require(path.utf8.first == UInt8(ascii: "/"), "\(quoted(path)) is not an absolute path")
}

func requireRange<Value: BinaryInteger>(
  _ value: Value?, _ range: ClosedRange<Value>
) throws(Fault) {
  guard let value, !range.contains(value) else { return }
  throw Fault("expected \(range.lowerBound) to \(range.upperBound), found \(value)")
}

/// A string of the document in quotes, shortened and fit for a terminal.
func quoted(_ text: String) -> String { "\"\(JSONPlace.printable(text, limit: 64))\"" }

extension String {
  /// True for a name that is one component of a path and one word of a line.
  var isSingleName: Bool {
    self != "" && self != "." && self != ".."
      && utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }
  }
}
