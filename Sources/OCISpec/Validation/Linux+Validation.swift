extension Spec.Linux {
  /// Fails on the first rule of config-linux.md that the section breaks by itself.
  func check() throws(Fault) {
    try within("namespaces") { () throws(Fault) in
      var kinds: [Namespace.Kind] = []
      try each(namespaces) { namespace throws(Fault) in
        try within("type") { () throws(Fault) in
          try require(
            !kinds.contains(namespace.type), "\"\(namespace.type.rawValue)\" stands twice")
          kinds.append(namespace.type)
        }
        try within("path") { () throws(Fault) in
          if let path = namespace.path { try requireAbsolute(path) }
        }
      }
    }
    try within("uidMappings") { () throws(Fault) in try Spec.IDMapping.check(uidMappings) }
    try within("gidMappings") { () throws(Fault) in try Spec.IDMapping.check(gidMappings) }
    try within("timeOffsets") { () throws(Fault) in
      try each(timeOffsets) { (_, offset) throws(Fault) in
        try within("nanosecs") { () throws(Fault) in
          try requireRange(offset.nanosecs, 0...999_999_999)
        }
      }
    }
    try within("devices") { () throws(Fault) in
      try each(devices) { device throws(Fault) in try device.check() }
    }
    try within("netDevices") { () throws(Fault) in
      try each(netDevices) { (host, device) throws(Fault) in
        try requireInterface(host)
        try within("name") { () throws(Fault) in
          if let name = device.name { try requireInterface(name) }
        }
      }
    }
    try within("resources") { () throws(Fault) in try resources?.check() }
    try within("seccomp") { () throws(Fault) in try seccomp?.check() }
    try within("intelRdt") { () throws(Fault) in try intelRdt?.check() }
    try within("memoryPolicy") { () throws(Fault) in
      try within("nodes") { () throws(Fault) in try requireList(memoryPolicy?.nodes) }
    }
  }
}

extension Spec.Linux.Device {
  func check() throws(Fault) {
    try within("path") { () throws(Fault) in try require(!path.isEmpty, "is empty") }
    // The kernel's device numbers have 12 and 20 bits.
    try within("major") { () throws(Fault) in try requireRange(major, 0...4095) }
    try within("minor") { () throws(Fault) in try requireRange(minor, 0...1_048_575) }
    try within("uid") { () throws(Fault) in try require(uid != .max, "4294967295 is no id") }
    try within("gid") { () throws(Fault) in try require(gid != .max, "4294967295 is no id") }
  }
}

extension Spec.Linux.IntelRdt {
  func check() throws(Fault) {
    try within("closID") { () throws(Fault) in
      if let closID {
        try require(closID.isSingleName, "\(quoted(closID)) is not the name of a directory")
      }
    }
  }
}

/// Fails unless a name can be that of a network interface (IFNAMSIZ, dev_valid_name).
func requireInterface(_ name: String) throws(Fault) {
  try require(
    name.isSingleName && name.utf8.count < 16 && !name.utf8.contains(UInt8(ascii: ":")),
    "\(quoted(name)) is not the name of a network interface")
}
