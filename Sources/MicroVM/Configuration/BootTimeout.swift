internal import Linux
internal import MachinePlan
internal import OCISpec

/// How long a guest may take until its agent answers, and from there until the container is made.
enum BootTimeout {
  static let annotation = "dev.swrun.vm.boot-timeout"

  /// In milliseconds: what the annotation says in seconds; else a minute, and in emulation, whose
  /// pace depends on what else the host does, five.
  static func milliseconds(
    _ spec: Spec, _ engine: MachinePlan.Engine
  ) throws(RuntimeError) -> Int {
    guard let text = spec.annotations[annotation] else {
      return engine == .kvm ? 60_000 : 300_000
    }
    guard let seconds = Int(text), (1...86_400).contains(seconds) else {
      throw RuntimeError(
        "annotation \(annotation): \"\(text)\" is not a number of seconds",
        advice: "1 to 86400")
    }
    return seconds * 1000
  }
}
