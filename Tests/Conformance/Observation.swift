import Foundation
import Harness

/// What the probe saw under one runtime, as fields that can be compared between runtimes.
struct Observation {
  var fields: [String: String] = [:]
  /// Whether all that the probe wrote has come, or nothing of it because it was never started.
  let isWhole: Bool

  /// `names` replaces what differs by nature (paths, ids) by the name that it stands for.
  init(_ result: Outcome, names: [(String, String)]) {
    fields["exit"] = "\(result.code)"
    var ids: [(String, String)] = []
    // One carriage return a line of a terminal, or two where runc's relay begins before it has made
    // the caller's terminal raw. By scalars: as a Character, "\r\n" is one and not "\r".
    var output = String(
      String.UnicodeScalarView(result.out.unicodeScalars.filter { $0 != "\r" }))
    isWhole = Self.isWhole(output)
    for (text, name) in names { output = output.replacingOccurrences(of: text, with: name) }
    // Names that are counted up within a sandbox.
    output = output.replacingOccurrences(
      of: "TAG-[a-z]+[0-9]+", with: "TAG", options: .regularExpression)
    for line in output.split(separator: "\n") {
      guard let separator = line.range(of: " = ") else { continue }
      let name = String(line[..<separator.lowerBound])
      let value = String(line[separator.upperBound...])
      switch name {
      case "mountinfo": addMounts(value)
      case "limits": addLimits(value)
      case "cgroup": addCgroups(value)
      case "status.Groups":
        fields[name] = value.split(separator: " ").sorted().joined(separator: " ")
      case "limit devices/devices.list":
        fields[name] = value.split(separator: ";").sorted().joined(separator: ";")
      case let name where name.hasPrefix("namespace "): addNamespace(name, value)
      case let name where name.hasPrefix("fd "): fields[name] = Self.anonymous(value)
      case "status.PPid": fields[name] = value == "0" ? "0" : "outside"
      case "status.NStgid", "status.NSpgid", "status.NSsid": ids.append((name, value))
      case "written": break
      default: fields[name] = value
      }
    }
    // Numbers of processes say nothing but whether this one leads its group and session.
    let own = ids.first { $0.0 == "status.NStgid" }?.1
    for (name, value) in ids { fields[name] = value == own && value != "1" ? "own" : value }
  }

  /// The probe's last line says how many bytes stand between its first one, before which a runtime may warn, and itself.
  private static func isWhole(_ output: String) -> Bool {
    guard let first = output.range(of: "argument 0 = ") else { return !output.contains(" = ") }
    let lines = output[first.lowerBound...]
    let last = lines.split(separator: "\n").last ?? ""
    guard last.hasPrefix("written = ") else { return false }
    return Int(last.dropFirst("written = ".count)) == lines.utf8.count - last.utf8.count - 1
  }

  private mutating func addMounts(_ text: String) {
    for mount in MountEntry.parse(text.replacingOccurrences(of: ";", with: "\n")) {
      var name = "mount \(mount.point)"
      // One above another at the same place.
      while fields[name] != nil { name += "'" }
      let propagation = mount.propagation.map { String($0.prefix { $0 != ":" }) }
      fields[name] = [
        mount.type, mount.options.sorted().joined(separator: ","), mount.source,
        mount.superOptions.sorted().joined(separator: ","), propagation.joined(separator: ","),
        mount.root,
      ].joined(separator: " | ")
    }
  }

  private mutating func addLimits(_ text: String) {
    for line in text.split(separator: ";").dropFirst() {
      // The name is 26 columns wide.
      let name = line.prefix(26).trimmingCharacters(in: .whitespaces)
      fields["rlimit \(name)"] = line.dropFirst(26).split(separator: " ").prefix(2)
        .joined(separator: " ")
    }
  }

  private mutating func addCgroups(_ text: String) {
    for line in text.split(separator: ";") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      fields["cgroup \(parts[1].isEmpty ? "unified" : parts[1])"] = String(parts[2])
    }
  }

  private mutating func addNamespace(_ name: String, _ value: String) {
    let kind = String(name.dropFirst("namespace ".count))
    fields[name] = value == ProcessView(getpid()).namespace(kind) ? "the host's" : "another"
  }

  /// "pipe:[123] …" without the number.
  private static func anonymous(_ value: String) -> String {
    guard let open = value.range(of: ":["),
      let close = value.range(of: "]", range: open.upperBound..<value.endIndex)
    else { return value }
    return value.replacingCharacters(in: open.lowerBound..<close.upperBound, with: "")
  }

  /// The fields whose values differ, with both.
  func differences(from other: Observation) -> [(field: String, own: String, other: String)] {
    Set(fields.keys).union(other.fields.keys).sorted().compactMap { field in
      let (own, theirs) = (fields[field] ?? "absent", other.fields[field] ?? "absent")
      return own == theirs ? nil : (field, own, theirs)
    }
  }
}
