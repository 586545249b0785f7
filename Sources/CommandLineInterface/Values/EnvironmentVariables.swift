/// The environment of a process, as the lines `NAME=VALUE`.
enum EnvironmentVariables {
  /// Sets each variable in the list: in its place when there is one of the name, else at the end.
  ///
  /// The C library finds the first of two lines of one name, so a second line would not count.
  static func set(_ lines: [String], in environment: inout [String]) {
    for line in lines {
      let name = line.prefix { $0 != "=" }
      if let index = environment.firstIndex(where: {
        $0.hasPrefix(name) && $0.dropFirst(name.count).first == "="
      }) {
        environment[index] = line
      } else {
        environment.append(line)
      }
    }
  }

  /// Whether the line has a name and a `=`.
  static func isValid(_ line: String) -> Bool {
    guard let equals = line.utf8.firstIndex(of: UInt8(ascii: "=")) else { return false }
    return equals != line.utf8.startIndex
  }
}
