import CLinux

/// Random numbers that a seed repeats (SplitMix64). SWRUN_SEED sets the seed, SWRUN_SCALE how many
/// times as many operations are tried as usual.
struct Generator: RandomNumberGenerator {
  let seed: UInt64
  private var state: UInt64

  init(_ test: String) {
    seed = Self.setting("SWRUN_SEED") ?? UInt64.random(in: 0...UInt64.max)
    state = seed
    print("\(test): SWRUN_SEED=\(seed)")
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// A number below `bound`.
  mutating func below(_ bound: UInt64) -> UInt64 { next() % bound }
  /// True once in `count` times.
  mutating func once(in count: UInt64) -> Bool { next() % count == 0 }

  static var scale: Int { Int(setting("SWRUN_SCALE") ?? 1) }

  private static func setting(_ name: String) -> UInt64? {
    guard let text = getenv(name) else { return nil }
    return UInt64(String(cString: text))
  }
}
