internal import Linux
internal import OCISpec

/// The id map of an id-mapped mount, from where the configuration may have it.
enum MountIDMap {
  /// `uidMappings` and `gidMappings` of the mount, else the option's text as crun takes it
  /// (`uids=CONTAINER-HOST-SIZE#…;gids=…`), else the container's own maps.
  ///
  /// A triplet that starts with `@` or `+` has its host id relative to the container's map.
  static func mappings(
    _ mount: Spec.Mount, _ text: String?, container: Spec.Linux, _ name: String
  ) throws(RuntimeError) -> IDMappings {
    if !mount.uidMappings.isEmpty || !mount.gidMappings.isEmpty {
      return IDMappings(uids: mount.uidMappings, gids: mount.gidMappings)
    }
    guard let text else {
      guard !container.uidMappings.isEmpty else {
        throw RuntimeError(
          "\(name): idmap: there is no map",
          advice: "give uidMappings and gidMappings, or a user namespace")
      }
      return IDMappings(uids: container.uidMappings, gids: container.gidMappings)
    }
    var uids: [Spec.IDMapping] = []
    var gids: [Spec.IDMapping] = []
    for part in text.split(separator: ";") {
      if part.hasPrefix("uids=") {
        uids = try ranges(part.dropFirst(5), container.uidMappings, name)
      } else if part.hasPrefix("gids=") {
        gids = try ranges(part.dropFirst(5), container.gidMappings, name)
      } else {
        throw RuntimeError(
          "\(name): idmap=\(text): expected uids=… or gids=…, found \(part)")
      }
    }
    return IDMappings(
      uids: uids.isEmpty ? container.uidMappings : uids,
      gids: gids.isEmpty ? container.gidMappings : gids)
  }

  private static func ranges(
    _ text: Substring, _ container: [Spec.IDMapping], _ name: String
  ) throws(RuntimeError) -> [Spec.IDMapping] {
    var ranges: [Spec.IDMapping] = []
    for item in text.split(separator: "#") {
      let isRelative = item.hasPrefix("@") || item.hasPrefix("+")
      let numbers = (isRelative ? item.dropFirst() : item).split(
        separator: "-", omittingEmptySubsequences: false)
      guard numbers.count == 3, let inside = UInt32(numbers[0]), let outside = UInt32(numbers[1]),
        let size = UInt32(numbers[2]), size > 0
      else {
        throw RuntimeError("\(name): idmap: \(item): expected CONTAINER-HOST-SIZE")
      }
      let host = isRelative ? try relative(outside, container, "\(name): idmap: \(item)") : outside
      ranges.append(Spec.IDMapping(containerID: inside, hostID: host, size: size))
    }
    return ranges
  }

  private static func relative(
    _ id: UInt32, _ container: [Spec.IDMapping], _ name: String
  ) throws(RuntimeError) -> UInt32 {
    for range in container where id >= range.containerID && id - range.containerID < range.size {
      let (host, overflow) = range.hostID.addingReportingOverflow(id - range.containerID)
      if !overflow { return host }
    }
    throw RuntimeError("\(name): \(id) is not mapped in the container")
  }
}
