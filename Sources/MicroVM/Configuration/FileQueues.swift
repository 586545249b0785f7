internal import Linux
internal import OCISpec

/// How many queues for requests the file system device has (specs/file-server.md).
enum FileQueues {
  static let annotation = "dev.swrun.vm.file-queues"
  static let range = 1...16

  /// What the annotation says, else 1.
  static func count(_ spec: Spec) throws(RuntimeError) -> Int {
    guard let text = spec.annotations[annotation] else { return 1 }
    guard let count = Int(text), range.contains(count) else {
      throw RuntimeError(
        "annotation \(annotation): \"\(text)\" is no number of queues",
        advice: "\(range.lowerBound) to \(range.upperBound)")
    }
    return count
  }
}
