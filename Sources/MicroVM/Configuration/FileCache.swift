internal import Linux
internal import OCISpec

/// How long the guest relies on what it has read of the shares (specs/file-server.md).
enum FileCache {
  static let annotation = "dev.swrun.vm.cache"
  static let modes = ["none", "auto", "always"]

  /// What the annotation says, else `auto`.
  static func mode(_ spec: Spec) throws(RuntimeError) -> String {
    guard let mode = spec.annotations[annotation] else { return "auto" }
    guard modes.contains(mode) else {
      throw RuntimeError(
        "annotation \(annotation): \"\(mode)\" is no cache mode", advice: "none, auto or always")
    }
    return mode
  }
}
