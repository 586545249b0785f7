/// When the guest is asked to give inodes back, and whether it is worth waiting for some.
///
/// It is asked once three quarters are in use, and when there is none left; one question at a time. After an
/// answer that gave too few back the next one comes when a sixteenth more is in use.
struct Demand {
  private let capacity: Int
  /// Whether a question has no answer yet.
  private var isAsked = false
  /// So many in use are the next reason to ask.
  private var next: Int
  /// Whether the last one that there was no slot for was refused, and none was given back since.
  private(set) var isInVain = false

  init(capacity: Int) {
    self.capacity = capacity
    next = Self.threshold(capacity)
  }

  private static func threshold(_ capacity: Int) -> Int { max(1, capacity / 4 * 3) }

  /// `count` are in use now, one more than before; whether the guest is to be asked.
  mutating func take(_ count: Int) -> Bool {
    if isAsked || count < next { return false }
    isAsked = true
    return true
  }

  /// There is none for somebody who can wait; whether the guest is to be asked.
  mutating func lack() -> Bool {
    if isAsked { return false }
    isAsked = true
    return true
  }

  /// Somebody was refused for want of one.
  mutating func refuse() { isInVain = true }

  /// `count` are in use now, one less than before.
  mutating func giveBack(_ count: Int) {
    isInVain = false
    if count < Self.threshold(capacity) { next = Self.threshold(capacity) }
  }

  /// The guest has answered, or never will, with `count` in use: some may still be on their way back.
  mutating func answer(_ count: Int) {
    isAsked = false
    let threshold = Self.threshold(capacity)
    next = count < threshold ? threshold : min(capacity, count + max(1, capacity / 16))
  }
}
