internal import Linux
internal import OCISpec

/// The value of the mount option `idmap=` as crun(1) has it: `uids=0-1-10#10-11-10;gids=0-100-10`.
struct IDMapOption: Equatable {
  /// A range, absolute or as seen from the container's user namespace.
  struct Range: Equatable {
    /// Whose numbers the two ids of a triplet are.
    enum Origin: Equatable {
      /// Those of the file system, and those of the host.
      case host
      /// `@`: the second is as seen from the container.
      case container
    }
    let origin: Origin
    let mapping: Spec.IDMapping
  }

  var uids: [Range] = []
  var gids: [Range] = []

  init(_ text: Substring) throws(RuntimeError) {
    for part in text.split(separator: ";", omittingEmptySubsequences: true) {
      if part.utf8.starts(with: "uids=".utf8) {
        uids = try Self.ranges(part.dropFirst(5), text)
      } else if part.utf8.starts(with: "gids=".utf8) {
        gids = try Self.ranges(part.dropFirst(5), text)
      } else {
        throw Self.fault(text)
      }
    }
    if uids.isEmpty || gids.isEmpty { throw Self.fault(text) }
  }

  private static func ranges(
    _ list: Substring, _ text: Substring
  ) throws(RuntimeError) -> [Range] {
    var result: [Range] = []
    for item in list.split(separator: "#", omittingEmptySubsequences: false) {
      let isRelative = item.utf8.first == UInt8(ascii: "@")
      let isAbsolute = item.utf8.first == UInt8(ascii: "+")
      let numbers = (isRelative || isAbsolute ? item.dropFirst() : item)
        .split(separator: "-", omittingEmptySubsequences: false).map(number)
      guard numbers.count == 3, let inside = numbers[0], let outside = numbers[1],
        let size = numbers[2], size > 0
      else { throw fault(text) }
      result.append(
        Range(
          origin: isRelative ? .container : .host,
          mapping: Spec.IDMapping(containerID: inside, hostID: outside, size: size)))
    }
    return result
  }

  /// Digits only: neither signs nor blanks (the number parser takes a plus).
  private static func number(_ text: Substring) -> UInt32? {
    guard text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else {
      return nil
    }
    return UInt32(text)
  }

  private static func fault(_ text: Substring) -> RuntimeError {
    RuntimeError(
      "option idmap=\(text): is not of the form uids=FROM-TO-LENGTH#...;gids=FROM-TO-LENGTH",
      advice: "see idmap in crun(1); an @ before FROM counts TO from the container's ids")
  }

  /// The ranges as the kernel takes them, `container` being those of the user namespace.
  static func resolve(
    _ ranges: [Range], container: [Spec.IDMapping]
  ) -> [Spec.IDMapping] {
    ranges.map { range in
      guard range.origin == .container,
        let home = container.first(where: {
          range.mapping.containerID >= $0.containerID
            && range.mapping.containerID - $0.containerID < $0.size
        })
      else { return range.mapping }
      var mapping = range.mapping
      mapping.hostID = mapping.hostID &+ (home.hostID &- home.containerID)
      return mapping
    }
  }
}
