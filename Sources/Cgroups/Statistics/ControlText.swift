/// The formats in which control files list numbers.
enum ControlText {
  /// `max` and unreadable text are nil.
  static func number(_ text: String?) -> UInt64? { text.flatMap { UInt64($0) } }

  /// Lines of a key and a number: memory.stat, cpu.stat.
  static func table(_ text: String?) -> [String: UInt64] {
    var result: [String: UInt64] = [:]
    for fields in lines(text) where fields.count == 2 {
      if let value = UInt64(fields[1]) { result[String(fields[0])] = value }
    }
    return result
  }

  static func lines(_ text: String?) -> [[Substring]] {
    (text ?? "").utf8.split(separator: UInt8(ascii: "\n")).map {
      $0.split(separator: UInt8(ascii: " ")).map { Substring($0) }
    }
  }

  /// `0-2,7` as its numbers.
  static func list(_ text: String?) -> [UInt16] {
    var result: [UInt16] = []
    for part in (text ?? "").split(separator: ",") {
      let ends = part.split(separator: "-", maxSplits: 1)
      guard let first = ends.first.flatMap({ UInt16($0) }),
        let last = ends.last.flatMap({ UInt16($0) }), first <= last
      else { continue }
      result += first...last
    }
    return result
  }

  /// `8:0`.
  static func device(_ text: Substring) -> (major: UInt64, minor: UInt64)? {
    let parts = text.split(separator: ":")
    guard parts.count == 2, let major = UInt64(parts[0]), let minor = UInt64(parts[1]) else {
      return nil
    }
    return (major, minor)
  }

  /// `8:0 Read 4096` and `8:0 16`; the totals over all devices are left out.
  static func blockEntries(_ text: String?) -> [Statistics.BlockIO.Entry] {
    lines(text).compactMap { fields in
      guard fields.count == 2 || fields.count == 3, let device = device(fields[0]),
        let value = UInt64(fields[fields.count - 1])
      else { return nil }
      return Statistics.BlockIO.Entry(
        major: device.major, minor: device.minor,
        operation: fields.count == 3 ? String(fields[1]) : nil, value: value)
    }
  }

  /// `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`; nil when the kernel does not count it.
  static func pressure(_ text: String?) -> Statistics.Pressure? {
    guard let text, !text.isEmpty else { return nil }
    var result = Statistics.Pressure()
    for fields in lines(text) {
      var line = Statistics.Pressure.Line()
      for field in fields.dropFirst() {
        let pair = field.split(separator: "=")
        guard pair.count == 2 else { continue }
        switch pair[0] {
        case "avg10": line.avg10 = Double(pair[1]) ?? 0
        case "avg60": line.avg60 = Double(pair[1]) ?? 0
        case "avg300": line.avg300 = Double(pair[1]) ?? 0
        case "total": line.total = UInt64(pair[1]) ?? 0
        default: break
        }
      }
      if fields.first == "some" { result.some = line }
      if fields.first == "full" { result.full = line }
    }
    return result
  }
}
