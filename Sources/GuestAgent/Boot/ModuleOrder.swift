/// The kernel modules of the initramfs, in the order in which they are loaded.
///
/// The file has one module a line: the file's name in the same directory, then, behind a space,
/// its parameters. Empty lines are skipped.
struct ModuleOrder: Equatable {
  struct Module: Equatable {
    let file: String
    let parameters: String

    /// Whether the kernel has to unpack the file.
    var isCompressed: Bool { !file.hasSuffix(".ko") }
  }

  let modules: [Module]

  /// The name of a file that is none is the fault: the initramfs was made wrong.
  struct Fault: Error, Equatable {
    let line: Int
    let name: String
  }

  init(_ text: [UInt8]) throws(Fault) {
    var modules: [Module] = []
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() where !line.isEmpty {
      let fields = line.split(
        separator: UInt8(ascii: " "), maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(decoding: fields[0], as: UTF8.self)
      if name.isEmpty || name == "." || name == ".." || name.utf8.contains(UInt8(ascii: "/")) {
        throw Fault(line: index + 1, name: name)
      }
      modules.append(
        Module(
          file: name,
          parameters: fields.count > 1 ? String(decoding: fields[1], as: UTF8.self) : ""))
    }
    self.modules = modules
  }
}
