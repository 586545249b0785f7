internal import Linux

/// How long output is waited for once the process's end is known.
struct DrainRule {
  /// More than can be on its way when the agent says that all was sent.
  static let allowance: UInt64 = 16 << 20
  /// Longest silence of the guest, in milliseconds; of one that is gone, and of a host's reader
  /// that is not waited for because somebody wanted an end.
  var silence = 10_000
  var shortSilence = 1000

  /// Whether the process was sent a signal by which programs are ended.
  var isWantedToEnd = false
  private(set) var deadline = Deadline.never
  private var isLost = false
  private var limit = UInt64.max

  init() {}

  mutating func begin(_ streams: borrowing Streams, isLost: Bool) {
    self.isLost = isLost
    limit = streams.received &+ Self.allowance
    progress(streams)
  }

  /// Something moved: the time begins anew.
  mutating func progress(_ streams: borrowing Streams) {
    if limit == .max { return }
    if streams.waitsForHost {
      // A reader that takes its time, such as a pager, gets everything.
      deadline = Deadline(milliseconds: isWantedToEnd ? shortSilence : -1)
    } else {
      deadline = Deadline(milliseconds: isLost ? shortSilence : silence)
    }
  }

  /// Whether there is nothing to wait for any more.
  func isOver(_ streams: borrowing Streams) -> Bool {
    if streams.outputIsFinished || deadline.isOver { return true }
    return streams.received > limit && !streams.waitsForHost
  }
}
