public import OCISpec

/// A volume of `run --volume`: `SRC:DST`, `SRC:DST:ro` or `SRC:DST:rw`.
public struct VolumeSpecification: Equatable, Sendable {
  /// The absolute path on the host.
  public let source: String
  /// The absolute path in the container.
  public let destination: String
  public let isReadOnly: Bool

  /// Nil unless both paths are absolute and the mode is known.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2 || parts.count == 3, parts[0].first == "/", parts[1].first == "/"
    else { return nil }
    source = String(parts[0])
    destination = String(parts[1])
    switch parts.dropFirst(2).first {
    case nil, "rw": isReadOnly = false
    case "ro": isReadOnly = true
    default: return nil
    }
  }

  /// The bind mount that the volume is, with what is mounted below its source.
  public var mount: Spec.Mount {
    Spec.Mount(
      destination: destination, type: "bind", source: source,
      // A read-only volume is so in every mount below it, too.
      options: isReadOnly ? ["rbind", "rprivate", "rro"] : ["rbind", "rprivate"])
  }
}
