internal import Linux

/// The modules of a kernel, as `depmod` indexed them: /lib/modules/VERSION.
struct ModuleDirectory: Equatable {
  let path: String
  let version: String

  /// Beside the image (what `hack/kernel --debian` unpacked), else the machine's own; nil for a kernel
  /// without modules.
  init?(image: String, version: String, system: String) throws(RuntimeError) {
    guard !version.isEmpty else { return nil }
    // It becomes part of a path.
    guard !version.utf8.contains(UInt8(ascii: "/")), version != "..", version != "." else {
      throw RuntimeError("kernel \(image): its version \"\(version)\" makes no sense")
    }
    let folder = image.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(image[..<$0]) } ?? "."
    for directory in ["\(folder)/lib/modules/\(version)", "\(system)/\(version)"] {
      if File.exists(directory) {
        self.init(path: directory, version: version)
        return
      }
    }
    return nil
  }

  init(path: String, version: String) {
    self.path = path
    self.version = version
  }

  /// The files of these modules and of all that they need, in the order in which they load.
  ///
  /// A module that is built in is left out; one that is not there at all is an error if `required`.
  func closure(
    required: [String], optional: [String]
  ) throws(RuntimeError) -> [ModuleFile] {
    let index = try dependencies()
    let builtIn = try builtInModules()
    var order: [ModuleFile] = []
    var seen: Set<String> = []
    func visit(_ name: String) {
      guard !builtIn.contains(name), let entry = index[name], seen.insert(name).inserted else {
        return
      }
      for dependency in entry.needs { visit(dependency) }
      order.append(entry.file)
    }
    for name in required + optional {
      let name = ModuleFile.normalized(name)
      if required.contains(name), index[name] == nil, !builtIn.contains(name) {
        throw RuntimeError(
          "kernel \(version): \(path) has no module \(name), which a guest needs",
          advice: "use another kernel: hack/kernel --debian fetches one")
      }
      visit(name)
    }
    return order
  }

  private func dependencies() throws(RuntimeError) -> [String: (file: ModuleFile, needs: [String])]
  {
    let file = path + "/modules.dep"
    let text = try step(
      "modules of the kernel \(version)", advice: "make the index with depmod \(version)"
    ) { () throws(SystemError) in try File.read(file, limit: 16 << 20) }
    var index: [String: (file: ModuleFile, needs: [String])] = [:]
    for line in text.split(separator: UInt8(ascii: "\n")) {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
      let own = ModuleFile(String(decoding: line[..<colon], as: UTF8.self))
      let needs = line[line.index(after: colon)...].split(separator: UInt8(ascii: " "))
        .map { ModuleFile(String(decoding: $0, as: UTF8.self)).name }
      index[own.name] = (own, needs)
    }
    return index
  }

  /// An index without this file is one of a kernel that has nothing built in as a module.
  private func builtInModules() throws(RuntimeError) -> Set<String> {
    let file = path + "/modules.builtin"
    guard File.exists(file) else { return [] }
    let text = try step("modules of the kernel \(version)") { () throws(SystemError) in
      try File.read(file, limit: 16 << 20)
    }
    return Set(
      text.split(separator: UInt8(ascii: "\n"))
        .map { ModuleFile(String(decoding: $0, as: UTF8.self)).name })
  }
}

/// A file of a module, by its path below the kernel's directory of modules.
struct ModuleFile: Equatable {
  let path: String

  init(_ path: String) { self.path = path }

  /// The last component.
  var fileName: String {
    path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.index(after: $0)...]) }
      ?? path
  }

  /// The module's name: of the file without its endings, with underscores alone.
  var name: String {
    let stem = fileName.utf8.prefix { $0 != UInt8(ascii: ".") }
    return Self.normalized(String(decoding: Array(stem), as: UTF8.self))
  }

  /// What the kernel takes for the same name: it prints and compares underscores.
  static func normalized(_ name: String) -> String {
    String(
      decoding: name.utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
  }
}
