import CLinux

/// Random numbers that a seed repeats (SplitMix64): SWRUN_SEED sets the seed of every test,
/// SWRUN_SCALE how many times as many operations are tried as usual.
public struct SeededRandom: RandomNumberGenerator, Sendable {
  public let seed: UInt64
  private var state: UInt64

  public init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  /// The seed of SWRUN_SEED, else one by chance, printed with the test's name.
  public init(_ test: String) {
    self.init(seed: Self.setting("SWRUN_SEED") ?? UInt64.random(in: 0...UInt64.max))
    print("\(test): SWRUN_SEED=\(seed)")
  }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// A number from 0 up to, not including, `bound`.
  public mutating func below<Number: FixedWidthInteger>(_ bound: Number) -> Number {
    Number(next() % UInt64(bound))
  }

  /// True once in `count` times.
  public mutating func once(in count: UInt64) -> Bool { next() % count == 0 }

  public static var scale: Int { Int(setting("SWRUN_SCALE") ?? 1) }

  private static func setting(_ name: String) -> UInt64? {
    guard let text = getenv(name) else { return nil }
    return UInt64(String(cString: text))
  }
}
