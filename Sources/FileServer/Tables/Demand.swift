/// When the guest is asked to give inodes back, and how long it is worth waiting for some.
///
/// It is asked once three quarters are in use, and when there is none left; one question at a time. After an
/// answer that gave too few back the next one comes when a sixteenth more is in use.
struct Demand {
  private let capacity: Int
  /// Questions so far.
  private var number: UInt64 = 0
  /// Whether the last one has no answer yet.
  private var isAsked = false
  /// When it was answered, by the monotonic clock in nanoseconds.
  private var answeredAt: Int64 = 0
  /// So many in use are the next reason to ask.
  private var next: Int
  /// Whether somebody has waited in vain for the answer.
  private var isSilent = false

  /// Behind an answer, what the guest gave back before it is on its way.
  private static let settling: Int64 = 200_000_000

  init(capacity: Int) {
    self.capacity = capacity
    next = Self.threshold(capacity)
  }

  private static func threshold(_ capacity: Int) -> Int { max(1, capacity / 4 * 3) }

  /// `count` are in use now, one more than before; whether the guest is to be asked.
  mutating func take(_ count: Int) -> Bool {
    if isAsked || count < next { return false }
    ask()
    return true
  }

  private mutating func ask() {
    isAsked = true
    number &+= 1
  }

  enum Verdict { case ask, wait, refuse }

  /// What becomes of a request for which there is none. `ticket` is the request's own, 0 at first: the
  /// number of the first question behind its coming, with whose answer its waiting ends.
  mutating func lack(_ ticket: inout UInt64, at time: Int64) -> Verdict {
    if ticket == 0 { ticket = number &+ 1 }
    if isAsked { return isSilent ? .refuse : .wait }
    if number < ticket {
      ask()
      return .ask
    }
    return time &- answeredAt < Self.settling ? .wait : .refuse
  }

  /// A request has waited for as long as any may.
  mutating func giveUp() { if isAsked { isSilent = true } }

  /// `count` are in use now, one less than before.
  mutating func giveBack(_ count: Int) {
    isSilent = false
    if count < Self.threshold(capacity) { next = Self.threshold(capacity) }
  }

  /// The guest has answered, or never will, with `count` in use: some may still be on their way back.
  mutating func answer(_ count: Int, at time: Int64) {
    isAsked = false
    isSilent = false
    answeredAt = time
    let threshold = Self.threshold(capacity)
    next = count < threshold ? threshold : min(capacity, count + max(1, capacity / 16))
  }
}
