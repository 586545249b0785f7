internal import Linux
internal import OCISpec

extension Spec.Linux.Resources.Network {
  /// What the net_cls controller is told; v1 alone has it.
  func classSettings() -> [Setting] {
    guard let classID, classID != 0 else { return [] }
    return [Setting("network.classID", classID, "net_cls.classid")]
  }

  /// What the net_prio controller is told; v1 alone has it.
  func prioritySettings() throws(RuntimeError) -> [Setting] {
    var result: [Setting] = []
    for (index, entry) in priorities.enumerated() {
      let field = "network.priorities[\(index)]"
      // The kernel reads the line up to the first space.
      guard !entry.name.isEmpty, entry.name.utf8.count < 16,
        entry.name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
      else {
        throw RuntimeError(
          "linux.resources.\(field).name: \(entry.name): not the name of an interface",
          advice: "give 1 to 15 letters without a space")
      }
      result.append(Setting(field, "\(entry.name) \(entry.priority)", "net_prio.ifpriomap"))
    }
    return result
  }
}
