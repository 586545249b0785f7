import Foundation
import Harness
import Testing

/// process.rlimits.
@Suite(.root) struct Rlimits {
  @Test(arguments: [
    ("RLIMIT_NOFILE", "Max open files", 100, 200), ("RLIMIT_CORE", "Max core file size", 0, 1000),
    ("RLIMIT_CPU", "Max cpu time", 50, 60), ("RLIMIT_FSIZE", "Max file size", 4096, 8192),
    ("RLIMIT_NPROC", "Max processes", 30, 40), ("RLIMIT_STACK", "Max stack size", 1 << 20, 1 << 21),
    ("RLIMIT_AS", "Max address space", 1 << 30, 1 << 31),
    ("RLIMIT_DATA", "Max data size", 1 << 26, 1 << 27),
    ("RLIMIT_MEMLOCK", "Max locked memory", 4096, 8192),
    ("RLIMIT_MSGQUEUE", "Max msgqueue size", 1000, 2000),
    ("RLIMIT_NICE", "Max nice priority", 0, 0), ("RLIMIT_RTPRIO", "Max realtime priority", 0, 0),
    ("RLIMIT_RTTIME", "Max realtime timeout", 1000, 2000),
    ("RLIMIT_SIGPENDING", "Max pending signals", 10, 20),
    ("RLIMIT_RSS", "Max resident set", 1 << 26, 1 << 27),
    ("RLIMIT_LOCKS", "Max file locks", 10, 20),
  ])
  func each(type: String, name: String, soft: Int, hard: Int) throws {
    try withSandbox { box in
      let result = try box.run {
        $0["process.rlimits"] = [["type": type, "soft": soft, "hard": hard]]
        $0.args("cat", "/proc/self/limits")
      }
      let line = result.lines.first { $0.hasPrefix(name) } ?? ""
      let numbers = line.dropFirst(name.count).split(separator: " ").prefix(2).map(String.init)
      #expect(numbers == ["\(soft)", "\(hard)"], "\(result)")
    }
  }

  @Test func unlimited() throws {
    try withSandbox { box in
      let result = try box.run {
        $0["process.rlimits"] = [["type": "RLIMIT_CORE", "soft": UInt64.max, "hard": UInt64.max]]
        $0.args("cat", "/proc/self/limits")
      }
      let line = result.lines.first { $0.hasPrefix("Max core file size") } ?? ""
      #expect(line.contains("unlimited            unlimited"), "\(result)")
    }
  }

  @Test(arguments: [
    ["type": "RLIMIT_NOSUCH", "soft": 1, "hard": 1] as [String: any Sendable],
    ["type": "RLIMIT_CPU", "soft": 10, "hard": 5],
  ])
  func wrongOnesAreRefused(limit: [String: any Sendable]) throws {
    try withSandbox { box in
      let result = try box.run { $0["process.rlimits"] = [limit] }
      #expect(result.code != 0)
    }
  }

  @Test func oneTwiceIsRefused() throws {
    try withSandbox { box in
      let limit = ["type": "RLIMIT_CPU", "soft": 10, "hard": 10] as [String: Any]
      let result = try box.run { $0["process.rlimits"] = [limit, limit] }
      #expect(result.code != 0 || !Runtime.isSwrun, "the specification wants an error")
    }
  }
}
