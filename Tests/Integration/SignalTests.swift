import Foundation
import Harness
import Testing

/// Signals to the foreground `run` reach the container's process.
@Suite(.root) struct Signals {
  @Test(arguments: [
    (SIGTERM, "TERM"), (SIGINT, "INT"), (SIGHUP, "HUP"), (SIGUSR1, "USR1"), (SIGUSR2, "USR2"),
    (SIGQUIT, "QUIT"), (SIGCONT, "CONT"),
  ])
  func isForwarded(number: Int32, name: String) throws {
    try withSandbox { box in
      let container = try box.container {
        $0.sh("trap 'echo got-\(name); exit 7' \(name); echo up; while :; do sleep 0.1; done")
      }
      let run = try container.start(foreground: [])
      try run.expect("up")
      run.signal(number)
      let result = try run.finish(timeout: 20)
      #expect(result.out.contains("got-\(name)"), "\(result)")
      #expect(result.code == 7)
    }
  }

  @Test func aSecondSignalReachesAProcessThatIgnoredTheFirst() throws {
    try withSandbox { box in
      let container = try box.container {
        $0.sh("trap 'echo first' TERM; trap 'exit 8' INT; echo up; while :; do sleep 0.1; done")
      }
      let run = try container.start(foreground: [])
      try run.expect("up")
      run.signal(SIGTERM)
      try run.expect("first")
      run.signal(SIGINT)
      #expect(try run.finish(timeout: 20).code == 8)
    }
  }

  @Test func realTimeSignals() throws {
    try withSandbox { box in
      let container = try box.container {
        $0.sh("trap 'echo real; exit 9' 40; echo up; while :; do sleep 0.1; done")
      }
      let run = try container.start(foreground: [])
      try run.expect("up")
      try container.kill("40").ok("kill 40")
      #expect(try run.finish(timeout: 20).code == 9)
    }
  }

  @Test func anOrphanIsReapedInsideThePidNamespace() throws {
    try withSandbox { box in
      let result = try box.run {
        $0.sh("(sleep 0.2 &) ; sleep 0.5; ps -o stat= 2>/dev/null | grep -c Z; exit 3")
      }
      #expect(result.code == 3)
    }
  }

  /// Without a pid namespace, orphans of the container come back to the runner while it waits.
  @Test func aDoubleForkWithoutAPidNamespace() throws {
    try withSandbox { box in
      let result = try box.run {
        $0.dropNamespace("pid")
        $0.sh("(true &); (true &); sleep 0.3; exit 11")
      }
      #expect(result.code == 11, "\(result)")
    }
  }
}
