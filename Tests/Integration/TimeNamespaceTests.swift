import Foundation
import Harness
import Testing

/// Clock offsets of a time namespace.
@Suite(
  .root, .enabled(if: Machine.hasNamespace("time"), "the kernel has no time namespaces"),
  .not(.runc, because: "runc 1.1.5 has no time namespace"),
  .not(.crun, because: "crun 1.8.1 writes no offsets here"))
struct TimeNamespace {
  @Test func offsetsMoveTheClocks() throws {
    try withSandbox { box in
      let result = try box.run {
        $0.namespace("time")
        $0["linux.timeOffsets"] = [
          "boottime": ["secs": 1_000_000, "nanosecs": 5], "monotonic": ["secs": 500_000],
        ]
        $0.sh("cat /proc/uptime; cat /proc/self/timens_offsets; readlink /proc/self/ns/time")
      }
      let uptime = Double(result.lines.first?.split(separator: " ").first ?? "") ?? 0
      let host = Double(Machine.read("/proc/uptime")?.split(separator: " ").first ?? "") ?? 0
      #expect(uptime > host + 999_000, "\(result)")
      #expect(
        result.lines.last
          != (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/time")))
      #expect(result.out.contains("500000"))
    }
  }

  @Test func offsetsWithoutTheNamespaceAreRefused() throws {
    try withSandbox { box in
      let result = try box.run { $0["linux.timeOffsets"] = ["boottime": ["secs": 1]] }
      #expect(result.code != 0)
    }
  }

  @Test func oneIsJoinedByPath() throws {
    try withSandbox { box in
      let first = try box.running {
        $0.namespace("time")
        $0["linux.timeOffsets"] = ["boottime": ["secs": 1_000_000]]
      }
      let second = try box.run {
        $0.namespace("time", path: "/proc/\((try? first.pid()) ?? 0)/ns/time")
        $0.sh("cat /proc/uptime")
      }
      let uptime = Double(second.line.split(separator: " ").first ?? "") ?? 0
      #expect(uptime > 1_000_000, "\(second)")
    }
  }
}
