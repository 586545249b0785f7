import Foundation
import Harness
import Synchronization
import SeededRandom
import Testing

/// Many at once, and the end of swrun at any moment.
@Suite(.root, .serialized) struct Stress {
  @Test func twoHundredContainersByEightCallers() throws {
    try withSandbox { box in
      let bystander = try Bystander(box)
      // Eight bundles: the callers' containers differ by id.
      let bundles = try (0..<8).map { index in
        try box.container("bundle\(index)") { $0.args("/bin/sleep", "1000") }
      }
      let failures = Mutex<[String]>([])
      let begun = Date()
      DispatchQueue.concurrentPerform(iterations: 8) { caller in
        for round in 0..<25 {
          let id = "\(box.tag)-p\(caller)-\(round)"
          do {
            let create = try box.spawn(
              ["create", "-b", bundles[caller].bundle, id], output: .file(box.path("out\(caller)")))
            try create.finish().ok("create")
            try box.swrun("start", id).ok("start")
            if round % 5 == 0 {
              #expect(try box.swrun("state", id).ok().out.contains("running"))
            }
            if round % 2 == 0 {
              try box.swrun("kill", id, "KILL").ok("kill")
              guard eventually({ (try? box.swrun("delete", id).code) == 0 }) else {
                throw HarnessError("delete of \(id) never succeeds")
              }
            } else {
              try box.swrun("delete", "--force", id).ok("delete --force")
            }
          } catch {
            failures.withLock { $0.append("\(id): \(error)") }
          }
        }
      }
      print("200 containers in \(Date().timeIntervalSince(begun)) s")
      #expect(failures.withLock { $0 } == [])
      try bystander.isUntouched()
    }
  }

  /// Each verb is killed at random moments, 300 times in all, or 60 where a verb takes many times as
  /// long; SWRUN_SEED repeats a run.
  @Test(
    .not(.crun, because: "crun 1.8.1 leaves cgroups"),
    .not(.runc, because: "runc 1.1.5 leaves cgroups"))
  func killedAtRandomMoments() throws {
    var random = SeededRandom("killedAtRandomMoments")
    try withSandbox { box in
      let bystander = try Bystander(box)
      // One bundle: what is judged carries the id.
      let bundle = try box.container("bundle") { $0.args("/bin/sleep", "1000") }
      var interrupted = 0
      let trials = patience > 1 ? 60 : 300
      for trial in 0..<trials {
        let verb = Self.verbs[trial % Self.verbs.count]
        let delay = UInt32(random.next() % UInt64(6_000 * patience))
        let killed = try kill(
          verb, Container(box, id: box.name("kill"), bundle: bundle.bundle), after: delay)
        if killed { interrupted += 1 }
        if trial % 50 == 49 { try bystander.isUntouched() }
      }
      print("\(interrupted) of \(trials) were killed before they ended")
      #expect(interrupted > trials / 5, "the moments must lie within the verbs")
      try bystander.isUntouched()
    }
  }

  static let verbs = [
    "create", "start", "run", "run --detach", "exec", "kill", "delete", "delete --force", "state",
    "pause", "resume", "update", "list", "ps", "events --stats",
  ]

  /// True when the verb was still running when it was killed.
  private func kill(_ verb: String, _ container: Container, after delay: UInt32) throws -> Bool {
    let box = container.sandbox
    box.remember(container)
    switch verb {
    case "create", "run", "run --detach", "list": break
    case "start": try container.create().ok("create")
    case "delete":
      try container.run("--detach").ok("run")
      try container.kill("KILL").ok("kill")
      _ = container.waits(for: "stopped")
    case "resume":
      try container.run("--detach").ok("run")
      try container.pause().ok("pause")
    default: try container.run("--detach").ok("run")
    }
    let words = verb.split(separator: " ").map(String.init)
    let arguments: [String] =
      switch words[0] {
      case "create", "run": words + ["-b", container.bundle, container.id]
      case "exec": words + [container.id, "/bin/true"]
      case "kill": words + [container.id, "TERM"]
      case "update": words + ["--pids-limit", "50", container.id]
      case "list": words
      default: words + [container.id]
      }
    let child = try box.spawn(
      arguments, output: .file(container.outputPath), error: .file(container.outputPath))
    usleep(delay)
    let killed = child.signal(SIGKILL)
    let result = try child.finish()
    let force = try container.delete(force: true)
    #expect(force.code == 0, "delete --force after \(verb) at \(delay) us: \(force)")
    var left = ""
    let clean = eventually(timeout: 5) {
      left = box.leaks(of: container.id)
      return left.isEmpty
    }
    if !clean { Issue.record("left after \(verb) killed at \(delay) us: \(left)") }
    return killed && result.signal == SIGKILL
  }
}

/// A container that has nothing to do with what happens beside it.
struct Bystander {
  let container: Container
  let process: ProcessView
  let cgroups: String?

  init(_ box: Sandbox) throws {
    container = try box.running {
      $0.sh("while :; do echo tick >> /dev/shm/ticks; sleep 0.05; done")
      $0["linux.resources.pids"] = ["limit": 40]
    }
    process = try container.process()
    cgroups = Machine.read("/proc/\(process.pid)/cgroup")
  }

  func isUntouched(sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(try container.status() == "running", sourceLocation: sourceLocation)
    #expect(process.isAlive, sourceLocation: sourceLocation)
    #expect(Machine.read("/proc/\(process.pid)/cgroup") == cgroups, sourceLocation: sourceLocation)
    let first = try container.sh("wc -l < /dev/shm/ticks").line
    #expect(
      try eventually { try container.sh("wc -l < /dev/shm/ticks").line != first },
      sourceLocation: sourceLocation)
  }
}
