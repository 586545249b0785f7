internal import Linux
internal import OCISpec

extension Spec.Linux.Resources.CPU {
  /// What the cpu controller of v1 is told; a value of 0 asks for nothing, as with runc.
  func legacySettings() throws(RuntimeError) -> [Setting] {
    var result: [Setting] = []
    if let idle, idle == 0 { result.append(Setting("cpu.idle", idle, "cpu.idle")) }
    if let shares = try checkedShares() {
      result.append(Setting("cpu.shares", shares, "cpu.shares"))
    }
    // After the shares: an idle cgroup refuses them.
    if let idle, idle != 0 { result.append(Setting("cpu.idle", idle, "cpu.idle")) }
    if let realtimePeriod, realtimePeriod != 0 {
      result.append(
        Setting(
          "cpu.realtimePeriod", realtimePeriod, "cpu.rt_period_us", dependsOnOthers: true))
    }
    if let realtimeRuntime, realtimeRuntime != 0 {
      result.append(
        Setting(
          "cpu.realtimeRuntime", realtimeRuntime, "cpu.rt_runtime_us", dependsOnOthers: true))
    }
    if let period, period != 0 {
      result.append(Setting("cpu.period", period, "cpu.cfs_period_us", dependsOnOthers: true))
    }
    if let burst {
      result.append(Setting("cpu.burst", burst, "cpu.cfs_burst_us", dependsOnOthers: true))
    }
    if let quota, quota != 0 {
      result.append(Setting("cpu.quota", quota, "cpu.cfs_quota_us", dependsOnOthers: true))
    }
    return result
  }

  /// What the cpu controller of v2 is told; `read` gives the present value of a file.
  func unifiedSettings(read: (String) -> String?) throws(RuntimeError) -> [Setting] {
    if (realtimeRuntime ?? 0) != 0 || (realtimePeriod ?? 0) != 0 {
      throw RuntimeError(
        "linux.resources.cpu.realtimeRuntime: cgroup v2 has no real-time limits",
        advice: "remove realtimeRuntime and realtimePeriod")
    }
    var result: [Setting] = []
    if let idle, idle == 0 { result.append(Setting("cpu.idle", idle, "cpu.idle")) }
    if let shares = try checkedShares() {
      result.append(Setting("cpu.shares", shares, "cpu.weight", "\(Self.weight(shares: shares))"))
    }
    if let idle, idle != 0 { result.append(Setting("cpu.idle", idle, "cpu.idle")) }
    if let burst {
      result.append(Setting("cpu.burst", burst, "cpu.max.burst", dependsOnOthers: true))
    }
    if (quota ?? 0) != 0 || (period ?? 0) != 0 {
      // One file has both: the one that is not given keeps its value.
      let present = (read("cpu.max") ?? "max 100000").split(separator: " ").map(String.init)
      var newQuota = present.first ?? "max"
      var newPeriod = present.count > 1 ? present[1] : "100000"
      if let quota, quota != 0 { newQuota = quota > 0 ? "\(quota)" : "max" }
      if let period, period != 0 { newPeriod = "\(period)" }
      let field = (quota ?? 0) != 0 ? "cpu.quota" : "cpu.period"
      let given = (quota ?? 0) != 0 ? quota!.description : period!.description
      result.append(
        Setting(field, given, "cpu.max", "\(newQuota) \(newPeriod)", dependsOnOthers: true))
    }
    return result
  }

  /// The shares when they ask for something and are in the kernel's range, which v1 would clamp
  /// them to without a word.
  private func checkedShares() throws(RuntimeError) -> UInt64? {
    guard let shares, shares != 0 else { return nil }
    guard shares >= 2, shares <= 262144 else {
      throw RuntimeError(
        "linux.resources.cpu.shares: \(shares): out of range", advice: "give 2 to 262144")
    }
    return shares
  }

  /// 2...262144 shares onto a weight of 1...10000, by the formula of runc and crun.
  static func weight(shares: UInt64) -> UInt64 {
    1 + ((min(max(shares, 2), 262144) - 2) * 9999) / 262142
  }
}
