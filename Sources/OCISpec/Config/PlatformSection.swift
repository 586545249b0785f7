public import JSON

extension Spec {
  /// A section of another platform, kept as it stands in the file and never acted on.
  public struct PlatformSection: Sendable, Equatable {
    /// The JSON text of the section.
    public var text: String

    public init(text: String) {
      self.text = text
    }
  }
}

extension Spec.PlatformSection: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init(text: try json.text(try json.skip()))
  }

  public func write(to json: inout JSONWriter) { json.raw(text) }
}
