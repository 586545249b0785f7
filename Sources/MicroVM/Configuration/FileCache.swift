internal import Linux
internal import MachinePlan
internal import OCISpec

/// How long the guest relies on what it has read of the shares (specs/file-server.md).
enum FileCache {
  static let annotation = "dev.swrun.vm.cache"

  /// What the annotation says, else `auto`.
  static func mode(_ spec: Spec) throws(RuntimeError) -> MachinePlan.CacheMode {
    guard let name = spec.annotations[annotation] else { return .auto }
    guard let mode = MachinePlan.CacheMode(rawValue: name) else {
      throw RuntimeError(
        "annotation \(annotation): \"\(name)\" is no cache mode", advice: "none, auto or always")
    }
    return mode
  }
}
