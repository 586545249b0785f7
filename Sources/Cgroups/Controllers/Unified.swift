internal import Linux

/// The files of `linux.resources.unified` and what is written to them, a line a write.
func unifiedFileSettings(_ files: [String: String]) throws(RuntimeError) -> [Setting] {
  var result: [Setting] = []
  for (file, value) in files.sorted(by: { $0.key < $1.key }) {
    let field = "unified[\"\(file)\"]"
    let isName = file.utf8.allSatisfy {
      $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/")
    }
    guard isName, let dot = file.utf8.firstIndex(of: UInt8(ascii: ".")), dot != file.startIndex
    else {
      throw RuntimeError(
        "linux.resources.\(field): not the name of a cgroup file",
        advice: "give a controller's file, such as memory.high")
    }
    // These move or kill processes, and are no limits.
    if ["cgroup.procs", "cgroup.threads", "cgroup.kill"].contains(file) {
      throw RuntimeError(
        "linux.resources.\(field): this file is no setting of a cgroup",
        advice: "remove it")
    }
    for line in value.utf8.split(separator: UInt8(ascii: "\n")) {
      let text = String(Substring(line))
      result.append(Setting(field, text, file))
    }
  }
  return result
}
