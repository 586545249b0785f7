import Foundation
import Harness
import Testing

/// What the caller gets wrong: one clear line, the right exit code, and nothing left behind (the
/// sandbox of each test compares mounts, cgroups, processes and state).
@Suite(.root) struct BadInput {
  @Test func noBundle() throws {
    try withSandbox { box in
      let id = box.name()
      refused(
        try box.swrun("run", "--bundle", box.path("nowhere"), id), saying: [box.path("nowhere")])
      refused(try box.swrun("create", "--bundle", box.path("nowhere"), id))
    }
  }

  @Test func noConfig() throws {
    try withSandbox { box in
      let container = try box.container()
      try FileManager.default.removeItem(atPath: "\(container.bundle)/config.json")
      refused(try container.run(), saying: ["config.json"])
    }
  }

  @Test func noRootfs() throws {
    try withSandbox { box in
      let container = try box.container(rootfs: false)
      refused(try container.run(), saying: Runtime.kind == .crun ? [] : ["rootfs"])
    }
  }

  @Test func theRootfsIsAFile() throws {
    try withSandbox { box in
      let container = try box.container(rootfs: false)
      try "".write(toFile: container.rootfs, atomically: false, encoding: .utf8)
      refused(try container.run())
    }
  }

  @Test(arguments: ["nosuch", "/bin/nosuch", "/no/such/directory/file"])
  func theCommandIsNotFound(command: String) throws {
    try withSandbox { box in
      let container = try box.container { $0.args(command) }
      let result = try container.run()
      refused(result, code: 127, saying: [command])
      // runc says "executable file not found in $PATH", and people search for that.
      if Runtime.isSwrun, !command.contains("/") {
        #expect(result.err.contains("executable file not found in $PATH"), "\(result)")
      }
    }
  }

  @Test func theCommandIsNotExecutable() throws {
    try withSandbox { box in
      for command in ["/etc/passwd", "/etc"] {
        let container = try box.container { $0.args(command) }
        refused(try container.run(), code: 126, saying: [command])
      }
    }
  }

  @Test(.swrunOnly) func aMissingInterpreterAndAMissingLoaderAreNamed() throws {
    try withSandbox { box in
      let script = try box.container { $0.args("/tool") }
      try script.put("tool", "#!/no/such/interpreter -x\n", mode: 0o755)
      refused(try script.run(), code: 127, saying: ["/no/such/interpreter"])

      let program = try box.container { $0.args("/tool") }
      try ExecutableFile.copy("/usr/bin/env", to: "\(program.rootfs)/tool")
      refused(try program.run(), code: 127, saying: ["ld-linux"])
    }
  }

  @Test func aFileOfNoFormatIsNotExecutable() throws {
    try withSandbox { box in
      let container = try box.container { $0.args("/tool") }
      try container.put("tool", "no program at all", mode: 0o755)
      refused(try container.run(), code: 126, saying: ["/tool"])
    }
  }

  @Test func theIdIsInUse() throws {
    try withSandbox { box in
      let first = try box.running()
      let pid = try first.pid()
      refused(try first.create(), saying: Runtime.isSwrun ? [first.id] : [])
      refused(try first.run(), saying: Runtime.isSwrun ? [first.id] : [])
      #expect(try first.status() == "running")
      #expect(try first.pid() == pid)
    }
  }

  @Test(arguments: ["", ".", "..", "../up", "a/b", "with space", "a\nb", "ä", "a;b", "a%s*"])
  func aBadId(id: String) throws {
    try withSandbox { box in
      let container = try box.container()
      let result = try box.spawn(["run", "-b", container.bundle, id]).finish()
      if Runtime.kind != .crun { refused(result) }
      let entries = (try? FileManager.default.contentsOfDirectory(atPath: box.root)) ?? []
      if Runtime.kind != .crun { #expect(entries.filter { !$0.hasPrefix(".") } == []) }
    }
  }

  @Test(.not(.crun, because: "crun 1.8.1 takes fewer"), arguments: ["a.b-c_d+e", "A1", "9", "_x"])
  func aGoodId(id: String) throws {
    try withSandbox { box in
      let container = try box.container { $0.sh("exit 6") }
      let unique = box.tag + id
      #expect(try box.spawn(["run", "-b", container.bundle, unique]).finish().code == 6)
    }
  }

  @Test func startTwice() throws {
    try withSandbox { box in
      let container = try box.container { $0.args("sleep", "1000") }
      try container.create().ok("create")
      try container.start().ok("start")
      refused(try container.start(), saying: Runtime.isSwrun ? [container.id, "running"] : [])
      #expect(try container.status() == "running")
    }
  }

  @Test func startOfAStoppedOne() throws {
    try withSandbox { box in
      let container = try box.running()
      try container.kill("KILL").ok("kill")
      #expect(container.waits(for: "stopped"))
      refused(try container.start())
    }
  }

  @Test func deleteWhileRunning() throws {
    try withSandbox { box in
      let container = try box.running()
      refused(try container.delete(), saying: ["running"])
      #expect(try container.status() == "running")
    }
  }

  @Test func killOfAStoppedOne() throws {
    try withSandbox { box in
      let container = try box.running()
      try container.kill("KILL").ok("kill")
      #expect(container.waits(for: "stopped"))
      refused(try container.kill("TERM"))
    }
  }

  @Test(
    .not(.crun, because: "crun 1.8.1 reads 9x as 9"),
    arguments: ["NOSUCH", "-1", "65", "9x", ""])
  func killWithABadSignal(signal: String) throws {
    try withSandbox { box in
      let container = try box.running()
      let result = try box.spawn(["kill", "--", container.id, signal]).finish()
      if Runtime.isSwrun { refused(result) }
      #expect(try container.status() == "running")
    }
  }

  @Test func verbsOnWhatDoesNotExist() throws {
    try withSandbox { box in
      let id = box.name()
      for verb in ["state", "start", "kill", "delete", "pause", "resume", "ps", "update", "events"]
      {
        let result = try box.spawn([verb, id]).finish()
        #expect(result.code != 0, "\(verb)")
        if Runtime.isSwrun { refused(result, saying: [id]) }
      }
      let result = try box.spawn(["exec", id, "true"]).finish()
      #expect(result.code != 0)
      // Engines delete by force what may never have been.
      try box.swrun("delete", "--force", id).ok("delete --force of nothing")
    }
  }

  @Test func badUsage() throws {
    try withSandbox { box in
      let container = try box.container()
      let wrong = [
        ["nosuchverb"], ["run"], ["run", "--no-such-flag", "x"], ["state"], ["state", "a", "b"],
        ["run", "-b"], ["list", "--format", "xml"], ["--log-format", "xml", "list"],
        ["--cgroup-manager", "nosuch", "list"],
        ["exec", container.id],
      ]
      for arguments in wrong {
        let result = try box.spawn(arguments).finish()
        #expect(result.code != 0, "\(arguments): \(result)")
        #expect(!result.err.isEmpty, "\(arguments)")
        if Runtime.isSwrun { #expect(result.out.isEmpty, "\(arguments): \(result)") }
      }
    }
  }

  @Test(.swrunOnly) func isolationTakesTwoNames() throws {
    try withSandbox { box in
      let container = try box.container()
      for flag in ["--container", "--isolation=container"] {
        let result = try box.spawn(["run", flag, "-b", container.bundle, container.id]).finish()
        #expect(result.code == 0, "\(result)")
      }
      refused(
        try box.spawn(["run", "--isolation=nosuch", "-b", container.bundle, container.id]).finish())
    }
  }
}

/// A non-zero exit; of swrun also exactly one line on standard error that holds these words.
func refused(
  _ result: Outcome, code: Int32? = nil, saying words: [String] = [],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(result.code != 0, "\(result)", sourceLocation: sourceLocation)
  guard Runtime.isSwrun else { return }
  if let code { #expect(result.code == code, "\(result)", sourceLocation: sourceLocation) }
  #expect(result.errLines.count == 1, "one line: \(result)", sourceLocation: sourceLocation)
  for word in words {
    #expect(result.err.contains(word), "\(word) in \(result)", sourceLocation: sourceLocation)
  }
}
