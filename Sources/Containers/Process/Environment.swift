/// The environment of a process (config.md, "Process"), names told apart by their bytes.
struct Environment {
  /// Each name once: at the place of its first entry, with the value of its last.
  private(set) var entries: [String] = []

  /// A program takes the first entry of a name, and whoever adds one means the last: as in runc
  /// and crun only one is left. An entry without `=` is passed on as it is.
  init(_ entries: [String]) {
    self.entries.reserveCapacity(entries.count + 1)
    var places: [[UInt8]: Int] = [:]
    for entry in entries {
      let name = Array(entry.utf8.prefix { $0 != UInt8(ascii: "=") })
      // Without `=` it names nothing that another could replace.
      guard name.count < entry.utf8.count else {
        self.entries.append(entry)
        continue
      }
      if let place = places[name] {
        self.entries[place] = entry
      } else {
        places[name] = self.entries.count
        self.entries.append(entry)
      }
    }
  }

  /// The value of a name; nil when there is no entry.
  subscript(name: StaticString) -> String? {
    for entry in entries {
      let prefix = "\(name)=".utf8
      // By bytes: a combining character behind the `=` makes another Character of it.
      if entry.utf8.starts(with: prefix) {
        return String(entry.utf8.dropFirst(prefix.count))
      }
    }
    return nil
  }

  /// Adds an entry of a name that has none.
  mutating func add(_ name: StaticString, _ value: String) { entries.append("\(name)=\(value)") }
}
