internal import CLinux
internal import Linux
internal import OCISpec

/// A controller that config.json needs, and the field that needs it.
struct NeededController: Equatable {
  let name: String
  let field: String
}

extension Spec.Linux.Resources {
  /// The controllers that the limits need, by their names on v2.
  var neededControllers: [NeededController] {
    var result: [NeededController] = []
    if memory != nil { result.append(NeededController(name: "memory", field: "memory")) }
    if let cpu {
      if cpu.cpus != nil || cpu.mems != nil {
        result.append(NeededController(name: "cpuset", field: "cpu.cpus"))
      }
      if cpu != CPU(cpus: cpu.cpus, mems: cpu.mems) {
        result.append(NeededController(name: "cpu", field: "cpu"))
      }
    }
    if (pids?.limit ?? 0) != 0 { result.append(NeededController(name: "pids", field: "pids")) }
    if blockIO != nil { result.append(NeededController(name: "io", field: "blockIO")) }
    if !hugepageLimits.isEmpty {
      result.append(NeededController(name: "hugetlb", field: "hugepageLimits"))
    }
    if !rdma.isEmpty { result.append(NeededController(name: "rdma", field: "rdma")) }
    return result
  }
}

extension Cgroup {
  /// What swrun enables on v2 where it is the only hierarchy: the controllers whose statistics
  /// and later updates a container is expected to have.
  static let wantedControllers = [
    "cpu", "cpuset", "io", "memory", "pids", "hugetlb", "rdma", "misc",
  ]

  /// Enables the v2 controllers for this cgroup, from the top downwards.
  ///
  /// On a hybrid machine only those that the limits need and that no v1 hierarchy has.
  func enableControllers(for resources: Spec.Linux.Resources?) throws(RuntimeError) {
    guard let unified else { return }
    let needed = (resources?.neededControllers ?? []).filter {
      legacy($0.name) == nil && !($0.name == "io" && legacy("blkio") != nil)
    }
    if !isUnified && needed.isEmpty { return }
    var wanted = needed.map(\.name)
    if isUnified { wanted += Cgroup.wantedControllers.filter { !wanted.contains($0) } }
    let present = controllerNames(unified.readIfPresent("cgroup.controllers"))
    wanted.removeAll { present.contains($0) }
    if wanted.isEmpty { return }
    var failures: [String: SystemError] = [:]
    let enabled = enable(wanted, at: 1, below: unified, failures: &failures)
    for controller in needed
    where !present.contains(controller.name) && !enabled.contains(controller.name) {
      throw Cgroup.unavailable(controller, unified, failures[controller.name])
    }
  }

  /// Enables one v2 controller for this cgroup; false when no cgroup above has it.
  func enableController(_ name: String) throws(RuntimeError) -> Bool {
    guard let unified else { return false }
    var failures: [String: SystemError] = [:]
    if enable([name], at: 1, below: unified, failures: &failures).contains(name) { return true }
    guard let failure = failures[name] else { return false }
    throw Cgroup.unavailable(NeededController(name: name, field: name), unified, failure)
  }

  /// Enables controllers for the children of the directory `level` steps above `leaf`; which of
  /// them are enabled then.
  private func enable(
    _ wanted: [String], at level: Int, below leaf: CgroupDirectory,
    failures: inout [String: SystemError]
  ) -> [String] {
    let prefix = String(repeating: "../", count: level)
    let control = prefix + "cgroup.subtree_control"
    // Above the mount point there is no such file: there the walk ends.
    guard let text = leaf.readIfPresent(control) else { return [] }
    var enabled = controllerNames(text)
    let missing = wanted.filter { !enabled.contains($0) }
    if missing.isEmpty { return wanted }
    var available = controllerNames(leaf.readIfPresent(prefix + "cgroup.controllers"))
    let unavailable = missing.filter { !available.contains($0) }
    if !unavailable.isEmpty {
      available += enable(unavailable, at: level + 1, below: leaf, failures: &failures)
    }
    let additions = missing.filter { available.contains($0) }
    if additions.isEmpty { return wanted.filter { enabled.contains($0) } }
    // The kernel itself refuses only some controllers here. The others (pids, cpu) would make the
    // directory a threaded one, whose children can hold no container.
    if hasProcesses(prefix, leaf) {
      for name in additions { failures[name] = SystemError(EBUSY, "write", control) }
      return wanted.filter { enabled.contains($0) }
    }
    do throws(SystemError) {
      try leaf.write(control, additions.map { "+\($0)" }.joined(separator: " "))
      enabled += additions
    } catch {
      // One refused controller makes the kernel refuse them all: each for itself, then.
      for name in additions {
        do throws(SystemError) {
          try leaf.write(control, "+\(name)")
          enabled.append(name)
        } catch {
          failures[name] = error
        }
      }
    }
    return wanted.filter { enabled.contains($0) }
  }

  /// Whether a cgroup other than the root of the hierarchy, which may, has processes itself.
  private func hasProcesses(_ prefix: String, _ leaf: CgroupDirectory) -> Bool {
    leaf.has(prefix + "cgroup.type")
      && leaf.readIfPresent(prefix + "cgroup.procs").map { !$0.isEmpty } ?? false
  }

  private func controllerNames(_ text: String?) -> [String] {
    (text ?? "").utf8.split(separator: UInt8(ascii: " ")).map { String(Substring($0)) }
  }

  private static func unavailable(
    _ controller: NeededController, _ directory: CgroupDirectory, _ error: SystemError?
  ) -> RuntimeError {
    let what =
      "linux.resources.\(controller.field): cgroup v2 controller \(controller.name) cannot be"
      + " enabled for \(directory.path)"
    guard let error else {
      return RuntimeError(
        "\(what): a cgroup above does not have it in cgroup.controllers",
        advice: "boot with the controller enabled, or delegate it to this user"
          + " (systemd: Delegate=\(controller.name))")
    }
    let advice: String
    switch error.errno {
    case EBUSY:
      advice =
        "a cgroup above has processes itself, and so cannot have controllers for its"
        + " children: move them to a child cgroup, or choose another linux.cgroupsPath"
    case EOPNOTSUPP, EINVAL:
      advice =
        "a cgroup above is threaded, or its controller has real-time processes: choose"
        + " another linux.cgroupsPath"
    case ENOENT: advice = "a cgroup above does not pass the controller on"
    default:
      advice = "this user needs the controller delegated (systemd: Delegate=\(controller.name))"
    }
    return RuntimeError("\(what): \(error.reason) (\(error.errno))", advice: advice)
  }
}
