import Foundation
import Harness
import Testing

/// The same configs under the runtime under test, crun, and runc: what the process inside sees is
/// equal, or specs/differences.md lists the difference with its reason.
@Suite(
  .root, .serialized, .program("runc"), .program("crun"), .program("gcc"),
  .enabled(if: Machine.cgroups != .none, "no cgroups"))
struct Differential {
  static let seen = Seen()

  @Test(arguments: Case.all) func sameAsThePeers(test: Case) throws {
    let known = try KnownDifferences()
    let probe = try Probe.path.get()
    try withSandbox { box in
      let own = try observe(test, box, Runtime.command(Runtime.kind, path: Runtime.path), probe)
      Self.seen.countCase()
      #expect(own.isWhole, "a part of the output is lost")
      var unlisted: [String] = []
      for peer in [Runtime.Kind.crun, .runc] {
        func observePeer() throws -> Observation {
          try observe(
            test, box, Runtime.command(peer, path: nil), probe,
            root: box.path("root-\(peer.rawValue)"))
        }
        var theirs = try observePeer()
        // crun 1.8.1 makes the terminal that it writes to non-blocking, and loses what it has no room
        // for when this machine is busy. What it lost is no observation, so that one is made again.
        for _ in 0..<9 where !theirs.isWhole { theirs = try observePeer() }
        guard theirs.isWhole else {
          Issue.record("\(test.name): \(peer.rawValue) lost a part of the output ten times")
          continue
        }
        for difference in own.differences(from: theirs) {
          // Where one cannot do this config at all, the exit code alone is compared.
          let one = min(own.fields.count, theirs.fields.count) == 1
          if one, difference.field != "exit" { continue }
          let row = known.rows.firstIndex {
            $0.covers(peer: peer.rawValue, config: test.name, field: difference.field)
          }
          if let row {
            Self.seen.add(row)
          } else {
            unlisted.append(
              "\(test.name): \(difference.field)\n    here  \(difference.own)\n"
                + "    \(peer.rawValue)  \(difference.other)")
          }
        }
      }
      if !unlisted.isEmpty {
        Issue.record("not in specs/differences.md:\n\(unlisted.joined(separator: "\n"))")
      }
    }
  }

  /// After all of the above: a row that no longer occurs is removed from the list.
  @Test func everyListedDifferenceOccurs() throws {
    guard Runtime.isSwrun, Self.seen.count == Case.all.count else { return }
    let known = try KnownDifferences()
    for (index, row) in known.rows.enumerated()
    where !row.isOptional && row.peer != "vm" && !Self.seen.rows.contains(index) {
      Issue.record("specs/differences.md lists what was not seen: \(row)")
    }
  }
}

/// Which rows of the list have been needed, over all cases.
final class Seen: @unchecked Sendable {
  private let lock = NSLock()
  private var found: Set<Int> = []
  private var cases = 0

  func add(_ row: Int) { lock.withLock { _ = found.insert(row) } }
  func countCase() { lock.withLock { cases += 1 } }
  var rows: Set<Int> { lock.withLock { found } }
  var count: Int { lock.withLock { cases } }
}

/// The probe, compiled once a run.
enum Probe {
  static let path: Result<String, any Error> = Result { try compile() }

  private static func compile() throws -> String {
    let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Probe/probe.c").path
    let path = NSTemporaryDirectory() + "swrun-probe-\(getpid())"
    try host("gcc", "-static", "-Os", "-o", path, source).ok("gcc")
    atexit { unlink(NSTemporaryDirectory() + "swrun-probe-\(getpid())") }
    return path
  }
}
