extension Spec.Linux.Resources {
  /// Fails on the first rule of config-linux.md, "Control groups", that the limits break.
  public func check() throws(Fault) {
    try within("devices") { () throws(Fault) in
      try each(devices) { rule throws(Fault) in try rule.check() }
    }
    try within("memory") { () throws(Fault) in try memory?.check() }
    try within("cpu") { () throws(Fault) in try cpu?.check() }
    try within("pids") { () throws(Fault) in
      try within("limit") { () throws(Fault) in
        try requireRange(pids?.limit, -1...Int64.max)
      }
    }
    try within("blockIO") { () throws(Fault) in try blockIO?.check() }
    try within("hugepageLimits") { () throws(Fault) in
      try each(hugepageLimits) { limit throws(Fault) in
        try within("pageSize") { () throws(Fault) in
          try require(
            limit.hasPageSize, "\(quoted(limit.pageSize)) is not a size such as 2MB or 1GB")
        }
      }
    }
    try within("network") { () throws(Fault) in
      try within("priorities") { () throws(Fault) in
        try each(network?.priorities ?? []) { priority throws(Fault) in
          try within("name") { () throws(Fault) in try requireInterface(priority.name) }
        }
      }
    }
    try within("rdma") { () throws(Fault) in
      try each(rdma) { (device, _) throws(Fault) in
        try require(device.isSingleName, "is not the name of a device")
      }
    }
    try within("unified") { () throws(Fault) in
      try each(unified) { (file, _) throws(Fault) in
        try require(file.isSingleName, "is not the name of a file in a cgroup")
      }
    }
  }
}

extension Spec.Linux.Resources.DeviceRule {
  func check() throws(Fault) {
    // -1 is every number, as in the rules that engines write.
    try within("major") { () throws(Fault) in try requireRange(major, -1...Int64(UInt32.max)) }
    try within("minor") { () throws(Fault) in try requireRange(minor, -1...Int64(UInt32.max)) }
    try within("access") { () throws(Fault) in
      try require(
        (access ?? "").allSatisfy { "rwm".contains($0) },
        "\(quoted(access ?? "")) has letters other than r, w and m")
    }
  }
}

extension Spec.Linux.Resources.Memory {
  func check() throws(Fault) {
    try within("swappiness") { () throws(Fault) in
      // Engines in Go write -1, which is none, as an unsigned integer.
      if swappiness != .max { try requireRange(swappiness, 0...100) }
    }
    let limits = [
      ("limit", limit), ("reservation", reservation), ("swap", swap), ("kernel", kernel),
      ("kernelTCP", kernelTCP),
    ]
    for (member, value) in limits {
      try within(member) { () throws(Fault) in try requireRange(value, -1...Int64.max) }
    }
  }
}

extension Spec.Linux.Resources.CPU {
  func check() throws(Fault) {
    try within("cpus") { () throws(Fault) in try requireList(cpus) }
    try within("mems") { () throws(Fault) in try requireList(mems) }
    try within("idle") { () throws(Fault) in try requireRange(idle, 0...1) }
  }
}

extension Spec.Linux.Resources.BlockIO {
  func check() throws(Fault) {
    try Self.check(weight, "weight")
    try Self.check(leafWeight, "leafWeight")
    try within("weightDevice") { () throws(Fault) in
      try each(weightDevice) { device throws(Fault) in
        try Self.check(major: device.major, minor: device.minor)
        try Self.check(device.weight, "weight")
        try Self.check(device.leafWeight, "leafWeight")
      }
    }
    let throttles = [
      ("throttleReadBpsDevice", throttleReadBpsDevice),
      ("throttleWriteBpsDevice", throttleWriteBpsDevice),
      ("throttleReadIOPSDevice", throttleReadIOPSDevice),
      ("throttleWriteIOPSDevice", throttleWriteIOPSDevice),
    ]
    for (member, devices) in throttles {
      try within(member) { () throws(Fault) in
        try each(devices) { device throws(Fault) in
          try Self.check(major: device.major, minor: device.minor)
        }
      }
    }
  }

  private static func check(_ weight: UInt16?, _ member: String) throws(Fault) {
    try within(member) { () throws(Fault) in
      // 0 is no weight: runc leaves the kernel's own.
      if weight != 0 { try requireRange(weight, 10...1000) }
    }
  }

  private static func check(major: Int64, minor: Int64) throws(Fault) {
    try within("major") { () throws(Fault) in try requireRange(major, 0...Int64(UInt32.max)) }
    try within("minor") { () throws(Fault) in try requireRange(minor, 0...Int64(UInt32.max)) }
  }
}

extension Spec.Linux.Resources.HugepageLimit {
  /// True for `64KB`, `2MB`, `1GB`: the size is part of a file's name.
  var hasPageSize: Bool {
    let bytes = Array(pageSize.utf8)
    guard bytes.count >= 3, bytes[bytes.count - 1] == UInt8(ascii: "B"),
      "KMGT".utf8.contains(bytes[bytes.count - 2]), bytes[0] != UInt8(ascii: "0")
    else { return false }
    return bytes.dropLast(2).allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
  }
}
