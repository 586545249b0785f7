import Foundation

/// The fields of a /proc/PID/status.
public struct ProcStatus: Sendable {
  private var fields: [String: String] = [:]

  public init(_ text: String) {
    for line in text.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      fields[String(line[..<colon])] = line[line.index(after: colon)...]
        .trimmingCharacters(in: .whitespaces)
    }
  }
  public init?(pid: Int32) {
    guard let text = Machine.read("/proc/\(pid)/status") else { return nil }
    self.init(text)
  }

  public subscript(name: String) -> String? { fields[name] }
  public func list(_ name: String) -> [Int] {
    (fields[name] ?? "").split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
  }
  /// The capability numbers of a set such as "CapEff".
  public func capabilities(_ set: String) -> Set<Int> {
    let mask = UInt64(fields[set] ?? "0", radix: 16) ?? 0
    return Set((0..<64).filter { mask >> UInt64($0) & 1 == 1 })
  }
}

/// One line of a mountinfo.
public struct MountEntry: Sendable {
  public let root: String
  public let point: String
  public let options: [String]
  public let propagation: [String]
  public let type: String
  public let source: String
  public let superOptions: [String]

  public init?(_ line: Substring) {
    let halves = line.components(separatedBy: " - ")
    guard halves.count == 2 else { return nil }
    let left = halves[0].split(separator: " ").map(String.init)
    let right = halves[1].split(separator: " ").map(String.init)
    guard left.count >= 6, right.count >= 2 else { return nil }
    root = left[3]
    point = left[4].replacingOccurrences(of: "\\040", with: " ")
    options = left[5].components(separatedBy: ",")
    propagation = Array(left[6...])
    type = right[0]
    source = right[1]
    superOptions = right.count > 2 ? right[2].components(separatedBy: ",") : []
  }

  public static func parse(_ text: String) -> [MountEntry] {
    text.split(separator: "\n").compactMap { MountEntry($0) }
  }
  public static func own() -> [MountEntry] {
    parse(Machine.read("/proc/self/mountinfo") ?? "")
  }
}

extension [MountEntry] {
  /// The topmost mount at a path.
  public func at(_ point: String) -> MountEntry? { last { $0.point == point } }
}

/// What the host sees of one process.
public struct ProcessView: Sendable {
  public let pid: Int32
  public init(_ pid: Int32) { self.pid = pid }

  public var status: ProcStatus? { ProcStatus(pid: pid) }
  public var isAlive: Bool {
    guard let state = status?["State"] else { return false }
    return !state.hasPrefix("Z") && !state.hasPrefix("X")
  }
  public func namespace(_ kind: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/\(kind)")
  }
  public var commandLine: [String] {
    (Machine.read("/proc/\(pid)/cmdline") ?? "").split(separator: "\0").map(String.init)
  }

  /// The directory of the process's cgroup in the hierarchy that has this controller.
  public func cgroup(_ controller: String) -> String? {
    let lines = (Machine.read("/proc/\(pid)/cgroup") ?? "").split(separator: "\n")
    var unified: String?
    for line in lines {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let controllers = parts[1].split(separator: ",").map(String.init)
      if controllers.isEmpty { unified = String(parts[2]) }
      if controllers.contains(controller),
        let mount = Machine.hierarchies.first(where: { $0.controllers.contains(controller) })
      {
        return mount.path + parts[2]
      }
    }
    guard let unified, let mount = Machine.hierarchies.first(where: { $0.isUnified }) else {
      return nil
    }
    return mount.path + unified
  }
}
