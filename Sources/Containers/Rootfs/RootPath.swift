internal import Linux

/// Paths of the configuration that name something inside the root file system.
enum RootPath {
  /// The path from the root on, without `.`, `..` and empty components; empty is the root itself.
  ///
  /// `..` is taken by name and stops at the root, as runc and crun do it. Bytes, not characters:
  /// a slash with a combining accent behind it is still a slash.
  static func cleaned(_ path: String) -> String {
    let bytes = path.utf8
    if isClean(bytes) { return String(Substring(bytes.dropFirst())) }
    var components: [Substring.UTF8View] = []
    for component in bytes.split(separator: UInt8(ascii: "/")) {
      if component.elementsEqual(".".utf8) { continue }
      if component.elementsEqual("..".utf8) {
        _ = components.popLast()
      } else {
        components.append(component)
      }
    }
    var result = ""
    for component in components {
      if !result.isEmpty { result += "/" }
      result += Substring(component)
    }
    return result
  }

  /// Whether only the leading slash is to be cut: what nearly every path of a config is.
  private static func isClean(_ bytes: String.UTF8View) -> Bool {
    guard bytes.first == UInt8(ascii: "/"), bytes.last != UInt8(ascii: "/") else { return false }
    var previous = UInt8(ascii: "x")
    for byte in bytes {
      // `/.` begins `.`, `..`, and hidden files, which take the long way.
      if previous == UInt8(ascii: "/"),
        byte == UInt8(ascii: "/") || byte == UInt8(ascii: ".")
      {
        return false
      }
      previous = byte
    }
    return true
  }

  /// A NUL ends a path or an option for the kernel: what it acts on would be another one.
  static func checkText(_ text: String) throws(RuntimeError) {
    if text.utf8.contains(0) {
      throw RuntimeError(
        "\(String(decoding: text.utf8.prefix { $0 != 0 }, as: UTF8.self)): has a NUL character")
    }
  }

  /// The name behind the last slash, and what is before it: empty is the root.
  static func split(_ path: String) -> (parent: String, name: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("", path) }
    return (String(path[..<slash]), String(path[path.utf8.index(after: slash)...]))
  }

  /// Whether `path` is `ancestor` or below it.
  static func isBelowOrEqual(_ path: String, _ ancestor: String) -> Bool {
    let bytes = path.utf8
    guard bytes.starts(with: ancestor.utf8) else { return false }
    return bytes.count == ancestor.utf8.count
      || bytes[bytes.index(bytes.startIndex, offsetBy: ancestor.utf8.count)]
        == UInt8(ascii: "/")
  }
}
