import Foundation
import Harness
import Testing

/// The same configs in a container and in a virtual machine: what the process inside sees is equal,
/// or specs/differences.md lists the difference, with `vm` as the peer.
///
/// SWRUN_MACHINE_CASES names those that run; by itself all do.
@Suite(
  .root, .serialized, .swrunOnly, .program("gcc"), .machines)
struct MachineDifferences {
  static let cases: [Case] = {
    let asked = ProcessInfo.processInfo.environment["SWRUN_MACHINE_CASES"] ?? ""
    if asked.isEmpty { return Case.all }
    let names = asked.split(separator: ",").map(String.init)
    return Case.all.filter { names.contains($0.name) }
  }()

  @Test(arguments: cases) func sameAsInAContainer(test: Case) throws {
    let known = try KnownDifferences()
    let probe = try Probe.path.get()
    let runtime = Runtime.command(Runtime.kind, path: Runtime.path)
    try withSandbox { box in
      let container = Self.comparable(try observe(test, box, runtime, probe))
      let machine = Self.comparable(
        try observe(test, box, runtime, probe, global: ["--vm"], timeout: 400))
      #expect(container.isWhole && machine.isWhole, "a part of the output is lost")
      let unlisted = machine.differences(from: container).filter { difference in
        !known.rows.contains {
          $0.covers(peer: "vm", config: test.name, field: difference.field)
        }
      }
      if unlisted.isEmpty { return }
      let lines = unlisted.map {
        "\(test.name): \($0.field)\n    vm         \($0.own)\n    container  \($0.other)"
      }
      Issue.record("not in specs/differences.md:\n\(lines.joined(separator: "\n"))")
    }
  }

  /// Whether a tmpfs shows that its inode numbers have 64 bits depends on how a kernel was built.
  private static func comparable(_ observation: Observation) -> Observation {
    var observation = observation
    observation.fields = observation.fields.mapValues {
      $0.replacingOccurrences(of: "inode64,", with: "").replacingOccurrences(
        of: ",inode64", with: "")
    }
    return observation
  }
}
