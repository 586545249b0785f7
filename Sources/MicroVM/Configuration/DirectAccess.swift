internal import Linux
internal import MachinePlan
internal import OCISpec

/// The DAX window, by which the guest maps files of the host instead of reading them
/// (specs/file-server.md).
enum DirectAccess {
  static let annotation = MachinePlan.windowAnnotation
  /// As many files can be mapped as the host allows a process by default.
  private static let mostMebibytes = 32 << 10
  /// The guest's kernel takes a 64th of the window out of its memory, to account for it: at most a
  /// quarter of the memory.
  private static let mostOfMemory: UInt64 = 16

  /// In bytes, a multiple of 2 MiB; 0, without the annotation, for no window.
  static func windowSize(
    _ spec: Spec, _ engine: MachinePlan.Engine, guestMemory: UInt64
  ) throws(RuntimeError) -> Int {
    guard let text = spec.annotations[annotation] else { return 0 }
    guard let mebibytes = Int(text), mebibytes >= 0, mebibytes % 2 == 0 else {
      throw RuntimeError(
        "annotation \(annotation): \"\(text)\" is not an even number of MiB",
        advice: "the size of the window, or 0 for none")
    }
    if mebibytes == 0 { return 0 }
    let most = min(mostMebibytes, Int(clamping: guestMemory >> 20 &* mostOfMemory))
    guard mebibytes <= most else {
      throw RuntimeError(
        "annotation \(annotation): a window of \(mebibytes) MiB is too large for this guest",
        advice: "at most \(most) MiB, which is 16 times its memory and no more than 32 GiB")
    }
    guard engine == .kvm else {
      throw RuntimeError(
        "annotation \(annotation): the engine \(engine.rawValue) has no DAX window",
        advice: "leave it out, or use the engine kvm")
    }
    return mebibytes << 20
  }
}
