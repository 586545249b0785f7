/// A fault of a document: where it stands and why it is one.
public struct SpecError: Error, Equatable, CustomStringConvertible {
  /// The name of the document, such as `config.json`.
  public let file: String
  /// The line of the fault, from 1; `nil` when the values were not read from a document.
  public let line: Int?
  /// The property at fault, such as `process.user.uid`; empty for the document as a whole.
  public let path: String
  /// What is wrong with the property, such as `expected an unsigned integer, found "root"`.
  public let reason: String

  public init(file: String = "config.json", line: Int? = nil, path: String, reason: String) {
    self.file = file
    self.line = line
    self.path = path
    self.reason = reason
  }

  /// `config.json:41: process.user.uid: expected an unsigned integer, found "root"`.
  public var description: String {
    let place = line.map { "\(file):\($0)" } ?? file
    return path.isEmpty ? "\(place): \(reason)" : "\(place): \(path): \(reason)"
  }
}
