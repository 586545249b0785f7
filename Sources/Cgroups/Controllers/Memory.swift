internal import Linux
internal import OCISpec

extension Spec.Linux.Resources.Memory {
  /// What the memory controller of v1 is told; a limit of 0 asks for nothing, as with runc.
  ///
  /// `read` gives the present value of a file, nil when the kernel does not have it.
  func legacySettings(
    read: (String) -> String?, warnings: inout [String]
  ) throws(RuntimeError) -> [Setting] {
    try check(usage: { read("memory.usage_in_bytes") })
    var result: [Setting] = []
    // Either order of the two can be refused, by what the other has been until now.
    if let limit, limit != 0 {
      result.append(
        Setting("memory.limit", limit, "memory.limit_in_bytes", dependsOnOthers: true))
    }
    if let swap, swap != 0 {
      result.append(
        Setting("memory.swap", swap, "memory.memsw.limit_in_bytes", dependsOnOthers: true))
    } else if limit == -1, read("memory.memsw.limit_in_bytes") != nil {
      // Memory without limit is not to end at the old limit of memory and swap.
      result.append(
        Setting("memory.limit", -1, "memory.memsw.limit_in_bytes", "-1", dependsOnOthers: true))
    }
    if let reservation, reservation != 0 {
      result.append(
        Setting("memory.reservation", reservation, "memory.soft_limit_in_bytes"))
    }
    warnAboutKernel(&warnings)
    if let kernelTCP, kernelTCP != 0 {
      result.append(Setting("memory.kernelTCP", kernelTCP, "memory.kmem.tcp.limit_in_bytes"))
    }
    if let disableOOMKiller {
      // A fresh cgroup has it on: nothing to say.
      if disableOOMKiller || read("memory.oom_control")?.hasPrefix("oom_kill_disable 1") == true {
        result.append(
          Setting(
            "memory.disableOOMKiller", disableOOMKiller, "memory.oom_control",
            disableOOMKiller ? "1" : "0"))
      }
    }
    if let swappiness = try checkedSwappiness() {
      result.append(Setting("memory.swappiness", swappiness, "memory.swappiness"))
    }
    if useHierarchy == false {
      throw RuntimeError(
        "linux.resources.memory.useHierarchy: false: the kernel always counts child cgroups",
        advice: "remove useHierarchy")
    }
    return result
  }

  /// What the memory controller of v2 is told.
  func unifiedSettings(
    read: (String) -> String?, warnings: inout [String]
  ) throws(RuntimeError) -> [Setting] {
    try check(usage: { read("memory.current") })
    if disableOOMKiller == true {
      throw RuntimeError(
        "linux.resources.memory.disableOOMKiller: true: cgroup v2 cannot disable the OOM killer",
        advice: "remove disableOOMKiller")
    }
    if try checkedSwappiness() != nil {
      throw RuntimeError(
        "linux.resources.memory.swappiness: \(swappiness!): cgroup v2 has no swappiness",
        advice: "remove swappiness")
    }
    if let kernelTCP, kernelTCP > 0 {
      throw RuntimeError(
        "linux.resources.memory.kernelTCP: \(kernelTCP): cgroup v2 has no limit of its own for TCP"
          + " buffers", advice: "remove kernelTCP: memory.limit counts them")
    }
    if useHierarchy == false {
      throw RuntimeError(
        "linux.resources.memory.useHierarchy: false: cgroup v2 always counts child cgroups",
        advice: "remove useHierarchy")
    }
    warnAboutKernel(&warnings)
    var result: [Setting] = []
    if let value = try unifiedSwap() {
      // Where swap is not accounted, no limit and no swap are what there is anyway.
      if !((value == "max" || value == "0") && read("memory.swap.max") == nil) {
        let isGiven = (swap ?? 0) != 0
        result.append(
          Setting(
            isGiven ? "memory.swap" : "memory.limit", isGiven ? swap! : limit!, "memory.swap.max",
            value))
      }
    }
    if let limit, limit != 0 {
      result.append(Setting("memory.limit", limit, "memory.max", Self.unifiedLimit(limit)))
    }
    if let reservation, reservation != 0 {
      result.append(
        Setting(
          "memory.reservation", reservation, "memory.low", Self.unifiedLimit(reservation)))
    }
    return result
  }

  /// v1 limits memory and swap together, v2 swap alone; nil when there is nothing to write.
  func unifiedSwap() throws(RuntimeError) -> String? {
    let swap = self.swap ?? 0
    let limit = self.limit ?? 0
    if swap == 0 { return limit == -1 ? "max" : nil }
    if swap == -1 { return "max" }
    guard limit > 0 else {
      throw RuntimeError(
        "linux.resources.memory.swap: \(swap): cgroup v2 needs linux.resources.memory.limit with it",
        advice: "give both: the swap is the difference")
    }
    guard swap >= limit else {
      throw RuntimeError(
        "linux.resources.memory.swap: \(swap): less than linux.resources.memory.limit, \(limit)",
        advice: "swap is memory and swap together")
    }
    return "\(swap - limit)"
  }

  private static func unifiedLimit(_ value: Int64) -> String { value == -1 ? "max" : "\(value)" }

  private func checkedSwappiness() throws(RuntimeError) -> UInt64? {
    // Callers written in Go say "not set" by -1, which their JSON has as the greatest number.
    guard let swappiness, swappiness != UInt64.max else { return nil }
    guard swappiness <= 100 else {
      throw RuntimeError(
        "linux.resources.memory.swappiness: \(swappiness): out of range", advice: "give 0 to 100")
    }
    return swappiness
  }

  /// `checkBeforeUpdate`: the kernel would kill on v2, or reclaim for long on v1.
  private func check(usage: () -> String?) throws(RuntimeError) {
    guard checkBeforeUpdate == true, let limit, limit > 0, let text = usage(),
      let used = Int64(text), used > limit
    else { return }
    throw RuntimeError(
      "linux.resources.memory.limit: \(limit): the container uses \(used) bytes, and"
        + " checkBeforeUpdate is set", advice: "raise the limit")
  }

  /// The kernel has ignored this limit since Linux 5.16; runc says the same and goes on.
  private func warnAboutKernel(_ warnings: inout [String]) {
    if let kernel, kernel > 0 {
      warnings.append(
        "linux.resources.memory.kernel: \(kernel): ignored: the kernel has no such limit any more")
    }
  }
}
