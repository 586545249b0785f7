public import JSON

/// A value that a file holds as a whole: config.json, the process of `exec --process`, the
/// resources of `update --resources`, the state.
public protocol Document: JSONValue {
  /// Fails on the first rule of the specification that the value breaks.
  func check() throws(Fault)
}

extension Document {
  /// Reads and checks a document; unknown members are ignored, as the specification demands.
  public init(parsing bytes: [UInt8], file: String = "config.json") throws(SpecError) {
    let text = bytes.span
    do throws(JSONError) {
      var reader = try JSONReader(text)
      self = try Self(&reader)
      try reader.finish()
    } catch {
      let place = JSONPlace(of: error, in: text)
      throw SpecError(file: file, line: place.line, path: place.path, reason: error.reason)
    }
    do throws(Fault) { try check() } catch {
      throw SpecError(
        file: file, line: JSONPlace.line(of: error.steps, in: text), path: error.path,
        reason: error.reason)
    }
  }

  /// Fails on the first rule of the specification that a value made in code breaks.
  public func validate(file: String = "config.json") throws(SpecError) {
    do throws(Fault) { try check() } catch {
      throw SpecError(file: file, path: error.path, reason: error.reason)
    }
  }

  /// The JSON text, compact, or indented as `runc spec` does it with a tab.
  public func encoded(indent: String? = nil) -> [UInt8] {
    var writer = JSONWriter(indent: indent)
    write(to: &writer)
    return writer.bytes
  }
}

extension Spec: Document {}
extension Spec.Process: Document {}
extension Spec.Linux.Resources: Document {}

extension State: Document {
  public func check() throws(Fault) {}
}

extension Features: Document {
  public func check() throws(Fault) {}
}

extension JSONReader {
  /// Reads annotations, whose values alone may hold U+0000: they never reach the kernel.
  mutating func annotations(_ value: inout [String: String]) throws(JSONError) {
    acceptsNUL = true
    defer { acceptsNUL = false }
    try read(&value)
  }
}
