internal import Linux
internal import OCISpec

extension Spec.Linux.Resources.BlockIO {
  /// What the blkio controller of v1 is told; a weight of 0 asks for nothing, as with runc.
  ///
  /// The weights are CFQ's files on kernels before 5.0, BFQ's on later ones.
  func legacySettings(has: (String) -> Bool) -> [Setting] {
    let prefix = has("blkio.weight") ? "blkio." : "blkio.bfq."
    var result: [Setting] = []
    if let weight, weight != 0 {
      result.append(Setting("blockIO.weight", weight, prefix + "weight"))
    }
    if let leafWeight, leafWeight != 0 {
      result.append(Setting("blockIO.leafWeight", leafWeight, "blkio.leaf_weight"))
    }
    for (index, device) in weightDevice.enumerated() {
      let number = "\(device.major):\(device.minor)"
      if let weight = device.weight, weight != 0 {
        result.append(
          Setting(
            "blockIO.weightDevice[\(index)].weight", "\(number) \(weight)",
            prefix + "weight_device"))
      }
      if let leafWeight = device.leafWeight, leafWeight != 0 {
        result.append(
          Setting(
            "blockIO.weightDevice[\(index)].leafWeight", "\(number) \(leafWeight)",
            "blkio.leaf_weight_device"))
      }
    }
    for throttle in throttles {
      for (index, device) in throttle.devices.enumerated() {
        result.append(
          Setting(
            "blockIO.\(throttle.field)[\(index)]",
            "\(device.major):\(device.minor) \(device.rate)", throttle.legacyFile))
      }
    }
    return result
  }

  /// What the io controller of v2 is told.
  func unifiedSettings(has: (String) -> Bool) throws(RuntimeError) -> [Setting] {
    // Where BFQ is built in, its file takes the weight as it is; io.weight counts to 10000.
    let isBFQ = has("io.bfq.weight")
    let file = isBFQ ? "io.bfq.weight" : "io.weight"
    func converted(_ weight: UInt16) -> Int { isBFQ ? Int(weight) : Self.unifiedWeight(weight) }
    var result: [Setting] = []
    if let weight, weight != 0 {
      result.append(Setting("blockIO.weight", weight, file, "\(converted(weight))"))
    }
    try refuseLeaf("blockIO.leafWeight", leafWeight)
    for (index, device) in weightDevice.enumerated() {
      try refuseLeaf("blockIO.weightDevice[\(index)].leafWeight", device.leafWeight)
      if let weight = device.weight, weight != 0 {
        let number = "\(device.major):\(device.minor)"
        result.append(
          Setting(
            "blockIO.weightDevice[\(index)].weight", "\(number) \(weight)", file,
            "\(number) \(converted(weight))"))
      }
    }
    for throttle in throttles {
      for (index, device) in throttle.devices.enumerated() {
        let number = "\(device.major):\(device.minor)"
        // 0 is how v1 says that there is no limit.
        let rate = device.rate == 0 ? "max" : "\(device.rate)"
        result.append(
          Setting(
            "blockIO.\(throttle.field)[\(index)]", "\(number) \(device.rate)", "io.max",
            "\(number) \(throttle.unifiedKey)=\(rate)"))
      }
    }
    return result
  }

  /// 10...1000 onto 1...10000, by the formula of runc and crun.
  static func unifiedWeight(_ weight: UInt16) -> Int {
    1 + (Int(min(max(weight, 10), 1000)) - 10) * 9999 / 990
  }

  private func refuseLeaf(_ field: String, _ weight: UInt16?) throws(RuntimeError) {
    guard let weight, weight != 0 else { return }
    throw RuntimeError(
      "linux.resources.\(field): \(weight): cgroup v2 has no leaf weights",
      advice: "remove it: processes and child cgroups are never side by side there")
  }

  private struct Throttle {
    let field: String
    let devices: [ThrottleDevice]
    let legacyFile: String
    let unifiedKey: String
  }

  private var throttles: [Throttle] {
    [
      Throttle(
        field: "throttleReadBpsDevice", devices: throttleReadBpsDevice,
        legacyFile: "blkio.throttle.read_bps_device", unifiedKey: "rbps"),
      Throttle(
        field: "throttleWriteBpsDevice", devices: throttleWriteBpsDevice,
        legacyFile: "blkio.throttle.write_bps_device", unifiedKey: "wbps"),
      Throttle(
        field: "throttleReadIOPSDevice", devices: throttleReadIOPSDevice,
        legacyFile: "blkio.throttle.read_iops_device", unifiedKey: "riops"),
      Throttle(
        field: "throttleWriteIOPSDevice", devices: throttleWriteIOPSDevice,
        legacyFile: "blkio.throttle.write_iops_device", unifiedKey: "wiops"),
    ]
  }
}
