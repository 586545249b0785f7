/// The environment of a process (config.md, "Process"), names told apart by their bytes.
struct Environment {
  /// Each name once: at the place of its first entry, with the value of its last.
  private(set) var entries: [String] = []

  /// A program takes the first entry of a name, and whoever adds one means the last: as in runc
  /// and crun only one is left. An entry without `=` is passed on as it is.
  init(_ entries: [String]) {
    let names = entries.map { Array($0.utf8.prefix { $0 != UInt8(ascii: "=") }) }
    // Those of one name side by side, in their own order. Without `=` an entry names nothing that another could replace.
    let order = entries.indices.filter { names[$0].count < entries[$0].utf8.count }.sorted {
      names[$0] == names[$1] ? $0 < $1 : names[$0].lexicographicallyPrecedes(names[$1])
    }
    var values = entries.map(String?.some)
    var first = order.first ?? 0
    for place in order.dropFirst() {
      if names[place] == names[first] {
        values[first] = entries[place]
        values[place] = nil
      } else {
        first = place
      }
    }
    self.entries = values.compactMap { $0 }
  }

  /// The value of a name; nil when there is no entry.
  subscript(name: StaticString) -> String? {
    for entry in entries {
      let prefix = "\(name)=".utf8
      // By bytes: a combining character behind the `=` makes another Character of it.
      if entry.utf8.starts(with: prefix) {
        return String(decoding: entry.utf8.dropFirst(prefix.count), as: UTF8.self)
      }
    }
    return nil
  }

  /// Adds an entry of a name that has none.
  mutating func add(_ name: StaticString, _ value: String) { entries.append("\(name)=\(value)") }
}
