/// How much of something there may be per time: `rate` a second, and `capacity` at once.
public struct TokenBucket: Sendable {
  private let rate: Int64
  private let capacity: Int64
  private var tokens: Int64
  private var filledAt: Int64

  /// A full one; `rate` is at most 1 GiB.
  public init(rate: Int64, capacity: Int64, now: Int64) {
    self.rate = rate
    self.capacity = capacity
    tokens = capacity
    filledAt = now
  }

  /// What may be taken at `now`, in nanoseconds of the monotonic clock.
  public mutating func available(now: Int64) -> Int {
    // More than a minute fills it in any case; the bound keeps the product small.
    let elapsed = min(max(0, now &- filledAt), 60_000_000_000)
    let earned = elapsed / 1000 * rate / 1_000_000
    if earned > 0 {
      tokens = min(capacity, tokens + earned)
      filledAt = now
    }
    return Int(tokens)
  }

  /// The caller has asked `available` before.
  public mutating func take(_ count: Int) { tokens = max(0, tokens - Int64(count)) }

  /// Nanoseconds until there are `count` tokens.
  public func wait(for count: Int) -> Int64 {
    max(0, Int64(count) - tokens) * 1_000_000_000 / rate + 1000
  }
}
