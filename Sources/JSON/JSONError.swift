/// A fault in a JSON text: where it stands and why it is one.
///
/// It holds the offset alone, so that reading costs nothing for faults that do not happen; `place`
/// finds the line and the path when one did.
public struct JSONError: Error, Equatable {
  /// The offset of the fault in the text, in bytes.
  public let offset: Int
  /// What is wrong, such as `expected a string, found 3`.
  public let reason: String
  /// The property that the object at `offset` lacks.
  public let missing: String?

  public init(offset: Int, reason: String, missing: String? = nil) {
    self.offset = offset
    self.reason = reason
    self.missing = missing
  }
}
