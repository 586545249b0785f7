internal import CLinux
internal import Linux

/// The runtime's own `oom_score_adj`, changed for as long as it clones a container's process.
///
/// The child inherits the value, so nothing in a container, nor a user namespace without rights
/// to the file, is involved; and no file of /proc has to be found from inside.
struct OOMScore: ~Copyable {
  private let changed: Changed?

  private struct Changed: ~Copyable {
    let file: FileDescriptor
    let previous: String
  }

  private static let path = "/proc/self/oom_score_adj"

  /// Takes on the adjustment; nil, and the one that the runtime has already, change nothing.
  static func lend(_ adjustment: Int?) throws(RuntimeError) -> OOMScore {
    guard let adjustment else { return OOMScore(changed: nil) }
    do throws(SystemError) {
      let file = try FileDescriptor.open(path, O_RDWR)
      try ProcFiles.check(file.rawValue, path)
      let previous = String(
        decoding: try file.readAll(limit: 16, path).prefix { $0 != UInt8(ascii: "\n") },
        as: UTF8.self)
      if previous == String(adjustment) { return OOMScore(changed: nil) }
      try file.write(String(adjustment), path)
      return OOMScore(changed: Changed(file: file, previous: previous))
    } catch {
      throw RuntimeError(
        "process.oomScoreAdj: \(adjustment)", error,
        advice: error.errno == EACCES
          ? "a value below the runtime's own needs CAP_SYS_RESOURCE" : nil)
    }
  }

  /// Gives the runtime its own value back. That it had it before is why this cannot be refused;
  /// and were it, the container would be no less as it was asked for.
  func restore() {
    switch changed {
    case .some(let changed): try? changed.file.write(changed.previous, Self.path)
    case .none: break
    }
  }
}
