public import Linux

extension Arguments {
  /// The cgroups of `exec --cgroup` below the container's, by controller; the empty name stands
  /// for all of them.
  public func execCgroups() throws(RuntimeError) -> [String: String] {
    var paths: [String: String] = [:]
    for text in all(.cgroup) {
      let parts = text.split(
        separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let controllers =
        parts.count == 1 ? [""] : parts[0].split(separator: ",", omittingEmptySubsequences: false)
      guard let path = parts.last, !path.isEmpty, !path.contains(":") else {
        throw invalid(.cgroup, text, "[CONTROLLER[,CONTROLLER...]:]PATH")
      }
      for controller in controllers {
        if parts.count == 2 && controller.isEmpty {
          throw invalid(.cgroup, text, "[CONTROLLER[,CONTROLLER...]:]PATH")
        }
        if paths.updateValue(String(path), forKey: String(controller)) != nil {
          throw RuntimeError(
            "--cgroup: two paths for \(controller.isEmpty ? "all controllers" : controller)")
        }
      }
    }
    if paths.count > 1 && paths[""] != nil {
      throw RuntimeError(
        "--cgroup: a path for all controllers excludes others", advice: "name each controller")
    }
    return paths
  }
}
