internal import JSON

extension Spec {
  /// Fails on the first rule of config.md that the configuration breaks.
  public func check() throws(Fault) {
    try within("ociVersion") { () throws(Fault) in try checkVersion() }
    guard let root else { throw Fault("is missing").inside(.member("root")) }
    try within("root") { () throws(Fault) in
      try within("path") { () throws(Fault) in try require(!root.path.isEmpty, "is empty") }
    }
    guard let process else { throw Fault("is missing").inside(.member("process")) }
    try within("process") { () throws(Fault) in try process.check() }
    try within("mounts") { () throws(Fault) in
      try each(mounts) { mount throws(Fault) in try mount.check() }
    }
    try within("hooks") { () throws(Fault) in try hooks.check() }
    try within("linux") { () throws(Fault) in try linux.check() }
    try checkNamespaces()
    try within("linux") { () throws(Fault) in
      try within("sysctl") { () throws(Fault) in try checkSysctls() }
    }
  }

  /// Every 1.x is accepted, with what semver.org allows behind the three numbers.
  private func checkVersion() throws(Fault) {
    let core = ociVersion.utf8.prefix { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "+") }
    let numbers = core.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let isVersion =
      numbers.count == 3
      && numbers.allSatisfy { part in
        !part.isEmpty && part.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
      }
    try require(isVersion, "\(quoted(ociVersion)) is not a version such as 1.0.2")
    try require(
      numbers[0].elementsEqual("1".utf8), "\(quoted(ociVersion)) is not supported (1.x is)")
  }

  /// What changes the host unless the container has a namespace of its own for it.
  private func checkNamespaces() throws(Fault) {
    let kinds = linux.namespaces.map(\.type)
    if hostname != nil, !kinds.contains(.uts) {
      throw Fault("needs the uts namespace in linux.namespaces").inside(.member("hostname"))
    }
    if domainname != nil, !kinds.contains(.uts) {
      throw Fault("needs the uts namespace in linux.namespaces").inside(.member("domainname"))
    }
    try within("linux") { () throws(Fault) in
      if !kinds.contains(.mount) {
        let fault = Fault("needs the mount namespace in linux.namespaces")
        if !linux.maskedPaths.isEmpty { throw fault.inside(.member("maskedPaths")) }
        if !linux.readonlyPaths.isEmpty { throw fault.inside(.member("readonlyPaths")) }
      }
      if !linux.timeOffsets.isEmpty, !kinds.contains(.time) {
        throw Fault("needs the time namespace in linux.namespaces").inside(.member("timeOffsets"))
      }
    }
  }

  private func checkSysctls() throws(Fault) {
    let kinds = linux.namespaces.map(\.type)
    try each(linux.sysctl) { (name, _) throws(Fault) in
      guard let sysctl = Linux.Sysctl(name) else {
        throw Fault("is not the name of a kernel parameter")
      }
      try require(
        sysctl.components != ["kernel", "hostname"], "is set by the property hostname")
      try require(
        sysctl.components != ["kernel", "domainname"] || domainname == nil,
        "is set by the property domainname")
      guard let kind = sysctl.namespace else {
        throw Fault("belongs to no namespace, so it would change the host")
      }
      try require(
        kinds.contains(kind), "needs the \(kind.rawValue) namespace in linux.namespaces")
    }
  }
}

extension Spec.Mount {
  func check() throws(Fault) {
    // A relative destination is against the specification, yet runc and crun take it from the
    // root, and engines rely on that.
    try within("destination") { () throws(Fault) in
      try require(!destination.isEmpty, "is empty")
    }
    try within("uidMappings") { () throws(Fault) in
      try Spec.IDMapping.check(uidMappings)
      try require(uidMappings.isEmpty || !gidMappings.isEmpty, "needs gidMappings too")
    }
    try within("gidMappings") { () throws(Fault) in
      try Spec.IDMapping.check(gidMappings)
      try require(gidMappings.isEmpty || !uidMappings.isEmpty, "needs uidMappings too")
    }
  }
}

extension Spec.IDMapping {
  /// The number of ranges that the kernel takes (user_namespaces(7)).
  static let maximumCount = 340

  static func check(_ mappings: [Self]) throws(Fault) {
    try require(
      mappings.count <= maximumCount,
      "\(mappings.count) ranges are more than the \(maximumCount) that the kernel takes")
    try each(mappings) { mapping throws(Fault) in
      try within("size") { () throws(Fault) in
        try require(mapping.size > 0, "is 0")
        // The id 4294967295 is -1, which is no id.
        try require(
          UInt64(mapping.containerID) + UInt64(mapping.size) <= UInt64(UInt32.max)
            && UInt64(mapping.hostID) + UInt64(mapping.size) <= UInt64(UInt32.max),
          "\(mapping.size) reaches beyond the last id")
      }
    }
    try checkOverlap(mappings.map { ($0.containerID, $0.size) }, "containerID")
    try checkOverlap(mappings.map { ($0.hostID, $0.size) }, "hostID")
  }

  private static func checkOverlap(
    _ ranges: [(first: UInt32, size: UInt32)], _ member: String
  ) throws(Fault) {
    let order = ranges.indices.sorted { ranges[$0].first < ranges[$1].first }
    for (lower, upper) in zip(order, order.dropFirst()) {
      let (range, next) = (ranges[lower], ranges[upper])
      if next.first - range.first < range.size {
        throw Fault("\(next.first) is in another range too")
          .inside(.member(member)).inside(.element(upper))
      }
    }
  }
}

extension Spec.Hooks {
  func check() throws(Fault) {
    try Self.check(prestart, "prestart")
    try Self.check(createRuntime, "createRuntime")
    try Self.check(createContainer, "createContainer")
    try Self.check(startContainer, "startContainer")
    try Self.check(poststart, "poststart")
    try Self.check(poststop, "poststop")
  }

  private static func check(_ hooks: [Spec.Hook], _ member: String) throws(Fault) {
    try within(member) { () throws(Fault) in
      try each(hooks) { hook throws(Fault) in
        try within("path") { () throws(Fault) in try requireAbsolute(hook.path) }
        try within("timeout") { () throws(Fault) in
          if let timeout = hook.timeout { try require(timeout > 0, "\(timeout) is not above 0") }
        }
      }
    }
  }
}
