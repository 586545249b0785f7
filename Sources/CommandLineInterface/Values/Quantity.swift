/// Amounts as people write them: sizes, durations and shares of processors.
public enum Quantity {
  /// Bytes: `1048576`, `1024k`, `256m`, `1.5GiB`, `-1` for no limit; nil when it is none.
  public static func bytes(_ text: String) -> Int64? {
    if text == "-1" { return -1 }
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let shift: UInt64
    switch text[number.endIndex...].lowercased() {
    case "", "b": shift = 0
    case "k", "kb", "kib", "ki": shift = 10
    case "m", "mb", "mib", "mi": shift = 20
    case "g", "gb", "gib", "gi": shift = 30
    case "t", "tb", "tib", "ti": shift = 40
    case "p", "pb", "pib", "pi": shift = 50
    default: return nil
    }
    return scaled(number, by: 1 << shift)
  }

  /// Microseconds of processor time in a period of 100,000: `1.5` is 150000; nil when it is none.
  public static func cpuQuota(_ text: String) -> Int64? {
    guard let quota = scaled(text[...], by: 100_000), quota >= 1000 else { return nil }
    return quota
  }

  /// Nanoseconds of a duration in Go's form: `5s`, `1m30s`, `1.5h`, `500ms`; nil when it is none.
  public static func nanoseconds(_ text: String) -> Int64? {
    var rest = text[...]
    if rest.isEmpty { return nil }
    if rest == "0" { return 0 }
    var total: Int64 = 0
    while !rest.isEmpty {
      let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest[number.endIndex...]
      let unit = rest.prefix { !$0.isNumber && $0 != "." }
      rest = rest[unit.endIndex...]
      let scale: UInt64
      switch unit {
      case "ns": scale = 1
      case "us", "µs", "μs": scale = 1000
      case "ms": scale = 1_000_000
      case "s": scale = 1_000_000_000
      case "m": scale = 60_000_000_000
      case "h": scale = 3_600_000_000_000
      default: return nil
      }
      guard let part = scaled(number, by: scale) else { return nil }
      let (sum, overflow) = total.addingReportingOverflow(part)
      if overflow { return nil }
      total = sum
    }
    return total
  }

  /// `digits[.digits]` times the scale, rounded down; nil for other text and beyond 63 bits.
  private static func scaled(_ text: Substring, by scale: UInt64) -> Int64? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard !parts[0].isEmpty, let whole = decimal(parts[0]) else { return nil }
    let (product, overflow) = whole.multipliedReportingOverflow(by: scale)
    if overflow { return nil }
    var fraction: UInt64 = 0
    if parts.count == 2 {
      // What stands behind nine digits is below the finest unit.
      guard !parts[1].isEmpty, decimal(parts[1].prefix(18)) != nil,
        let digits = decimal(parts[1].prefix(9))
      else { return nil }
      if parts[1].count > 18 { return nil }
      var divisor: UInt64 = 1
      for _ in parts[1].prefix(9) { divisor *= 10 }
      let wide = digits.multipliedFullWidth(by: scale)
      fraction = divisor.dividingFullWidth(wide).quotient
    }
    let (sum, tooMuch) = product.addingReportingOverflow(fraction)
    return tooMuch ? nil : Int64(exactly: sum)
  }
}
