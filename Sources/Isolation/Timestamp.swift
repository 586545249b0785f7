internal import CLinux

/// A moment of the wall clock, in nanoseconds since 1970.
public struct Timestamp: Equatable, Sendable {
  public let nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static var now: Timestamp { Timestamp(nanoseconds: cl_realtime_ns()) }

  /// RFC 3339 in UTC with as many digits of the second as there are: `2026-11-21T08:06:55.25Z`.
  public var description: String { text(fraction: true) }

  /// RFC 3339 in UTC, whole seconds: `2026-11-21T08:06:55Z`.
  public var seconds: String { text(fraction: false) }

  private func text(fraction: Bool) -> String {
    var days = nanoseconds / Self.day
    var rest = nanoseconds % Self.day
    if rest < 0 {
      days -= 1
      rest += Self.day
    }
    let (year, month, day) = Self.date(days)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
    Self.append(year, 4, "-", to: &bytes)
    Self.append(month, 2, "-", to: &bytes)
    Self.append(day, 2, "T", to: &bytes)
    Self.append(rest / 3_600_000_000_000, 2, ":", to: &bytes)
    Self.append(rest / 60_000_000_000 % 60, 2, ":", to: &bytes)
    Self.append(rest / 1_000_000_000 % 60, 2, fraction ? "." : "Z", to: &bytes)
    if fraction {
      Self.append(rest % 1_000_000_000, 9, nil, to: &bytes)
      while bytes.last == UInt8(ascii: "0") { bytes.removeLast() }
      if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
      bytes.append(UInt8(ascii: "Z"))
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static let day: Int64 = 86_400_000_000_000

  /// The Gregorian date of a day counted from 1970-01-01.
  private static func date(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    // Counted from 1 March of year 0 in eras of 400 years, so that the leap day comes last.
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let fromMarch = (5 * dayOfYear + 2) / 153
    let month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * fromMarch + 2) / 5 + 1)
  }

  private static func append(
    _ number: Int64, _ width: Int, _ end: Unicode.Scalar?, to bytes: inout [UInt8]
  ) {
    var divisor: Int64 = 1
    for _ in 1..<width { divisor *= 10 }
    while divisor > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
      divisor /= 10
    }
    if let end { bytes.append(UInt8(ascii: end)) }
  }
}

extension Timestamp: CustomStringConvertible {}
