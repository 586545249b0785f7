internal import Linux
internal import OCISpec

extension Spec.Linux.Resources.CPU {
  /// What the cpuset controller is told; both versions have the same files.
  func cpusetSettings() throws(RuntimeError) -> [Setting] {
    var result: [Setting] = []
    if let cpus, !cpus.isEmpty { result.append(Setting("cpu.cpus", cpus, "cpuset.cpus")) }
    if let mems, !mems.isEmpty { result.append(Setting("cpu.mems", mems, "cpuset.mems")) }
    return result
  }
}

extension Cgroup {
  /// Gives a v1 cpuset its parent's CPUs and memory nodes where it has none: without, no process
  /// can join it.
  func inheritCpuset(_ directory: CgroupDirectory, isNew: Bool) throws(SystemError) {
    for file in ["cpuset.cpus", "cpuset.mems"] {
      if !isNew, try !directory.read(file).isEmpty { continue }
      try directory.write(file, try inherited(file, above: directory, level: 1))
    }
  }

  /// The parent's value, which the parent gets from its own parent when it has none.
  private func inherited(
    _ file: String, above directory: CgroupDirectory, level: Int
  ) throws(SystemError) -> String {
    let path = String(repeating: "../", count: level) + file
    let value = try directory.read(path)
    if !value.isEmpty { return value }
    // The root has every CPU, so that this ends there.
    let result = try inherited(file, above: directory, level: level + 1)
    try directory.write(path, result)
    return result
  }
}
