import CommandLineInterface
import Linux
import OCISpec
import Testing

@Suite struct RequestTests {
  private func arguments(_ words: String...) throws -> Arguments {
    guard case .run(let arguments) = try Parser.parse(words) else {
      throw RuntimeError("no verb to run in \(words)")
    }
    return arguments
  }

  private var base: Spec.Process {
    Spec.Process(
      terminal: true, user: .init(uid: 5, gid: 6), args: ["sh"], env: ["PATH=/bin", "A=0"],
      cwd: "/w",
      capabilities: .init(bounding: ["CAP_KILL"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"]),
      noNewPrivileges: true)
  }

  @Test func execKeepsWhatIsNotSaid() throws {
    let process = try arguments("exec", "c1", "id", "-u").execProcess(of: base, file: nil)
    #expect(process.args == ["id", "-u"])
    #expect(process.cwd == "/w")
    #expect(process.user == Spec.Process.User(uid: 5, gid: 6))
    #expect(process.terminal == false)
    #expect(process.noNewPrivileges)
    #expect(process.capabilities == base.capabilities)
  }

  @Test func execChangesWhatIsSaid() throws {
    let process = try arguments(
      "exec", "-t", "-u", "1", "-g", "7", "-g", "8", "--cwd", "/x", "-e", "A=1", "-e", "B=2",
      "-c", "CAP_SYS_PTRACE", "-c", "kill", "--apparmor", "p", "--process-label", "l", "c1", "id"
    ).execProcess(of: base, file: nil)
    #expect(process.terminal)
    #expect(process.user == Spec.Process.User(uid: 1, gid: 6, additionalGids: [7, 8]))
    #expect(process.cwd == "/x")
    #expect(process.env == ["PATH=/bin", "A=1", "B=2"])
    #expect(process.capabilities?.bounding == ["CAP_KILL", "CAP_SYS_PTRACE"])
    #expect(process.capabilities?.effective == ["CAP_KILL", "CAP_SYS_PTRACE"])
    #expect(process.capabilities?.inheritable == nil)
    #expect(process.capabilities?.ambient == nil)
    #expect(process.apparmorProfile == "p")
    #expect(process.selinuxLabel == "l")
  }

  @Test func execReadsAProcessFile() throws {
    let json = Array(#"{"cwd":"/","args":["true"],"user":{"uid":3,"gid":4}}"#.utf8)
    let process = try arguments("exec", "-p", "f", "c1").execProcess(of: base, file: json)
    #expect(process.args == ["true"] && process.user.uid == 3 && !process.terminal)
    // conmon gives --tty beside the file.
    #expect(try arguments("exec", "-t", "-p", "f", "c1").execProcess(of: base, file: json).terminal)
    #expect(throws: RuntimeError.self) {
      try arguments("exec", "-p", "f", "c1", "id").execProcess(of: base, file: json)
    }
    #expect(throws: RuntimeError.self) {
      try arguments("exec", "-p", "f", "c1").execProcess(of: base, file: Array("{".utf8))
    }
  }

  @Test func execRefusesWhatIsUnclear() throws {
    for words in [
      ["-u", "root"], ["-u", "1:"], ["-u", "1x"], ["-g", "wheel"], ["-e", "A"], ["-e", "=A"],
    ] {
      guard case .run(let parsed) = try Parser.parse(["exec"] + words + ["c1", "id"]) else {
        Issue.record("no verb")
        continue
      }
      #expect(throws: RuntimeError.self, "\(words)") {
        try parsed.execProcess(of: base, file: nil)
      }
    }
    #expect(throws: RuntimeError.self) {
      try arguments("exec", "c1").execProcess(of: base, file: nil)
    }
  }

  @Test func updateTakesOptions() throws {
    let resources = try arguments(
      "update", "--memory", "256m", "--memory-swap", "-1", "--cpu-quota", "5000", "--cpu-period",
      "10000", "--cpu-share", "0", "--cpuset-cpus", "0-1", "--pids-limit", "-1", "--blkio-weight",
      "100", "c1"
    ).updatedResources(file: nil)
    #expect(resources.memory?.limit == 256 << 20)
    #expect(resources.memory?.swap == -1)
    #expect(resources.cpu?.quota == 5000 && resources.cpu?.period == 10000)
    #expect(resources.cpu?.shares == nil)
    #expect(resources.cpu?.cpus == "0-1")
    #expect(resources.pids?.limit == -1)
    #expect(resources.blockIO?.weight == 100)
    #expect(try arguments("update", "c1").updatedResources(file: nil) == Spec.Linux.Resources())
  }

  @Test func updateTakesProcessors() throws {
    let cpu = try arguments("update", "--cpus", "1.5", "c1").updatedResources(file: nil).cpu
    #expect(cpu?.quota == 150_000 && cpu?.period == 100_000)
    #expect(throws: RuntimeError.self) {
      try arguments("update", "--cpus", "1", "--cpu-quota", "5", "c1").updatedResources(file: nil)
    }
  }

  @Test func updateTakesAFile() throws {
    let resources = try arguments("update", "-r", "-", "--memory", "1m", "c1")
      .updatedResources(file: Array(#"{"memory":{"limit":5}}"#.utf8))
    #expect(resources.memory?.limit == 5)
  }

  @Test func updateRefusesNonsense() throws {
    for words in [
      ["--memory", "x"], ["--blkio-weight", "5"], ["--blkio-weight", "1001"], ["--cpu-idle", "2"],
      ["--pids-limit", "-2"], ["--cpu-share", "-1"], ["--cpus", "0"],
    ] {
      guard case .run(let parsed) = try Parser.parse(["update"] + words + ["c1"]) else {
        Issue.record("no verb")
        continue
      }
      #expect(throws: RuntimeError.self, "\(words)") { try parsed.updatedResources(file: nil) }
    }
  }

  @Test func quickUse() throws {
    let parsed = try arguments(
      "run", "--rootfs", "r", "--read-only", "--volume", "/s:/d:ro", "-e", "A=1", "--memory",
      "256m",
      "--cpus", "1.5", "--pids", "100", "c1", "--", "echo", "hi")
    try parsed.checkRootfsOptions()
    let spec = try parsed.quickSpec(from: .standard(), rootfs: "r", directory: "/here")
    #expect(spec.root == Spec.Root(path: "/here/r", readonly: true))
    #expect(spec.process?.args == ["echo", "hi"])
    #expect(spec.process?.terminal == false)
    #expect(spec.process?.env.contains("A=1") == true)
    #expect(spec.mounts.last?.destination == "/d")
    #expect(spec.linux.resources?.memory?.limit == 256 << 20)
    #expect(spec.linux.resources?.cpu?.quota == 150_000)
    #expect(spec.linux.resources?.pids?.limit == 100)
    // The default rule for devices stays.
    #expect(spec.linux.resources?.devices == Spec.standard().linux.resources?.devices)
    try spec.validate()
  }

  @Test func quickUseWithATerminal() throws {
    let spec = try arguments("run", "-t", "--rootfs", "/r", "c1", "sh")
      .quickSpec(from: .standard(), rootfs: "/r", directory: "/")
    #expect(spec.process?.args == ["sh"] && spec.process?.terminal == true)
    #expect(spec.root == Spec.Root(path: "/r"))
  }

  @Test func optionsOfRootfsNeedIt() throws {
    for words in [["--memory", "1m"], ["--volume", "/a:/b"], ["--read-only"], ["-t"]] {
      guard case .run(let parsed) = try Parser.parse(["run"] + words + ["c1"]) else {
        Issue.record("no verb")
        continue
      }
      #expect(throws: RuntimeError.self, "\(words)") { try parsed.checkRootfsOptions() }
    }
    #expect(throws: RuntimeError.self) {
      try arguments("run", "--rootfs", "/r", "--bundle", "/b", "c1", "true").checkRootfsOptions()
    }
  }
}
