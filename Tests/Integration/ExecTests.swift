import Foundation
import Harness
import Testing

/// exec: a further process in a running container.
@Suite(.root) struct Exec {
  static let namespaces = ["pid", "net", "ipc", "uts", "mnt", "cgroup"]

  @Test func outputAndExitCode() throws {
    try withSandbox { box in
      let container = try box.running()
      let result = try container.sh("echo out; echo err >&2; exit 9")
      #expect(result.out == "out\n" && result.err == "err\n" && result.code == 9, "\(result)")
      #expect(try container.sh("kill -9 $$").code == 137)
      #expect(try container.status() == "running")
    }
  }

  @Test func standardInput() throws {
    try withSandbox { box in
      let container = try box.running()
      let text = String(repeating: "0123456789abcdef", count: 50_000)
      let result = try container.exec([], "md5sum", input: .text(text))
      let expected = try host("md5sum", input: .text(text))
      #expect(result.out == expected.out, "\(result)")
    }
  }

  @Test func everyNamespaceIsJoined() throws {
    try withSandbox { box in
      let container = try box.running { $0.namespace("cgroup") }
      let process = try container.process()
      let result = try container.sh(
        Self.namespaces.map { "readlink /proc/self/ns/\($0)" }.joined(separator: ";"))
      #expect(result.lines == Self.namespaces.map { process.namespace($0) ?? "" }, "\(result)")
    }
  }

  @Test func everyCgroupIsJoined() throws {
    try withSandbox { box in
      let container = try box.running()
      let own = Machine.read("/proc/\(try container.pid())/cgroup") ?? ""
      let result = try container.sh("cat /proc/self/cgroup")
      #expect(result.out == own, "\(result)")
      #expect(own.contains(container.id))
    }
  }

  @Test(.not(.crun, because: "crun 1.8.1 starts from an empty process"))
  func theProcessOfTheConfigIsTheModel() throws {
    try withSandbox { box in
      let container = try box.running {
        $0["process.user"] = ["uid": 1000, "gid": 1000, "additionalGids": [2000]]
        $0["process.cwd"] = "/etc"
        $0["process.rlimits"] = [
          ["type": "RLIMIT_CORE", "soft": 77 * 512, "hard": 90 * 512] as [String: Any]
        ]
        $0["process.oomScoreAdj"] = 300
        $0.env("FROM=config")
      }
      let result = try container.sh(
        "pwd; echo $FROM; ulimit -c; cat /proc/self/oom_score_adj; cat /proc/self/status")
      #expect(Array(result.lines.prefix(4)) == ["/etc", "config", "77", "300"], "\(result)")
      let status = ProcStatus(result.out)
      #expect(status.list("Uid") == [1000, 1000, 1000, 1000])
      #expect(status.list("Groups").contains(2000))
      #expect(status["NoNewPrivs"] == "1")
      #expect(status.capabilities("CapBnd") == [29, 5, 10])
    }
  }

  @Test func userAndDirectoryAndEnvironment() throws {
    try withSandbox { box in
      let container = try box.running()
      let result = try container.exec(
        ["--user", "1000:2000", "--cwd", "/tmp", "-e", "A=1", "-e", "B=two words"], "/bin/sh",
        "-c", "id -u; id -g; pwd; echo $A-$B; echo $HOME")
      #expect(result.lines == ["1000", "2000", "/tmp", "1-two words", "/home"], "\(result)")
      let groupOfUser = try container.exec(["--user", "1000"], "id", "-u")
      #expect(groupOfUser.line == "1000")
    }
  }

  @Test(.not(.crun, because: "crun 1.8.1 has no --additional-gids")) func additionalGroups() throws
  {
    try withSandbox { box in
      let container = try box.running()
      let result = try container.exec(
        ["--additional-gids", "7", "--additional-gids", "9"], "cat", "/proc/self/status")
      #expect(Set(ProcStatus(result.out).list("Groups")).isSuperset(of: [7, 9]), "\(result)")
    }
  }

  /// CVE-2026-30892: a user that is no number must not become root.
  @Test(arguments: [
    "1x", "1:2y", "-1", "4294967296", "99999999999999999999", ":", "1:", "0x10", " 1",
  ])
  func aUserThatIsNoNumberIsRefused(user: String) throws {
    guard Runtime.isSwrun else { return }
    try withSandbox { box in
      let container = try box.running()
      let result = try container.exec(["--user", user], "id", "-u")
      #expect(result.code != 0, "\(user): \(result)")
      #expect(result.out.isEmpty, "\(user): \(result)")
    }
  }

  @Test func aCapabilityIsAdded() throws {
    try withSandbox { box in
      let container = try box.running {
        $0["process.noNewPrivileges"] = false
      }
      let result = try container.exec(["--cap", "CAP_NET_RAW"], "cat", "/proc/self/status")
      let status = ProcStatus(result.out)
      #expect(status.capabilities("CapEff").contains(13), "\(result)")
      #expect(status.capabilities("CapBnd").contains(13))
      let plain = ProcStatus(try container.exec([], "cat", "/proc/self/status").out)
      #expect(plain.capabilities("CapBnd") == [29, 5, 10])
      #expect(plain.capabilities("CapInh") == [])
    }
  }

  @Test func aProcessFile() throws {
    try withSandbox { box in
      let container = try box.running()
      var process = Config([
        "args": ["/bin/sh", "-c", "id -u; pwd; echo $X; umask"], "cwd": "/etc",
        "env": ["PATH=/bin", "X=from file"], "user": ["uid": 1000, "gid": 1000, "umask": 0o77],
      ])
      process["noNewPrivileges"] = true
      try process.data.write(to: URL(fileURLWithPath: box.path("process.json")))
      let result = try box.spawn(["exec", "--process", box.path("process.json"), container.id])
        .finish()
      // runc 1.1.5 does not apply the umask here.
      let umask = Runtime.kind == .runc ? "0022" : "0077"
      #expect(result.lines == ["1000", "/etc", "from file", umask], "\(result)")
    }
  }

  @Test func detachedWithAPidFile() throws {
    try withSandbox { box in
      let container = try box.running()
      let result = try box.spawn(
        ["exec", "--detach", "--pid-file", box.path("pid"), container.id, "/bin/sleep", "500"],
        output: .file(box.path("out"))
      ).finish()
      try result.ok("exec -d")
      let pid = Int32((Machine.read(box.path("pid")) ?? "").trimmingCharacters(in: .newlines)) ?? 0
      #expect(eventually { ProcessView(pid).commandLine == ["/bin/sleep", "500"] })
      #expect(ProcessView(pid).namespace("mnt") == (try container.process().namespace("mnt")))
    }
  }

  @Test func commandNotFoundAndNotExecutable() throws {
    try withSandbox { box in
      let container = try box.running()
      let missing = try container.exec([], "nosuch")
      refused(missing, code: 127, saying: ["nosuch"])
      if Runtime.isSwrun {
        #expect(missing.err.contains("executable file not found in $PATH"), "\(missing)")
      }
      refused(try container.exec([], "/no/such"), code: 127, saying: ["/no/such"])
      refused(try container.exec([], "/etc/passwd"), code: 126, saying: ["/etc/passwd"])
    }
  }

  @Test func inAStoppedOrCreatedContainer() throws {
    try withSandbox { box in
      let stopped = try box.running()
      try stopped.kill("KILL").ok()
      #expect(stopped.waits(for: "stopped"))
      refused(try stopped.exec([], "true"), saying: Runtime.isSwrun ? [stopped.id] : [])
      // A created container has its namespaces: runc and crun let exec in.
      let created = try box.container()
      try created.create().ok()
      #expect(try created.sh("echo in").line == "in")
    }
  }

  @Test(.freezer, .not(.crun, because: "crun 1.8.1 has no --ignore-paused"))
  func inAPausedContainer() throws {
    try withSandbox { box in
      let container = try box.running()
      try container.pause().ok()
      refused(try container.exec([], "true"))
      let waiting = try box.spawn(["exec", "--ignore-paused", container.id, "/bin/echo", "thawed"])
      usleep(300_000)
      try container.resume().ok()
      let result = try waiting.finish(timeout: 20)
      #expect(result.line == "thawed", "\(result)")
    }
  }

  @Test(.v1("pids"), .not(.crun, because: "crun 1.8.1 makes it itself")) func aSubCgroup() throws {
    try withSandbox { box in
      let container = try box.running()
      let path = try container.process().cgroup("pids") ?? ""
      mkdir(path + "/sub", 0o755)
      let result = try container.exec(["--cgroup", "pids:sub"], "cat", "/proc/self/cgroup")
      let line = result.lines.first { $0.contains("pids") } ?? ""
      #expect(line.hasSuffix("\(container.id)/sub"), "\(result)")
      let escape = try container.exec(["--cgroup", "pids:../.."], "cat", "/proc/self/cgroup")
      let escaped = escape.lines.first { $0.contains("pids") } ?? "/\(container.id)"
      #expect(escaped.contains(container.id), "\(escape)")
      #expect(eventually { rmdir(path + "/sub") == 0 })
    }
  }

  @Test(.v2, .not(.crun, because: "crun 1.8.1 makes it itself")) func aSubCgroupOfV2() throws {
    try withSandbox { box in
      let container = try box.running()
      let path = try container.process().cgroup("") ?? ""
      mkdir(path + "/sub", 0o755)
      let result = try container.exec(["--cgroup", "sub"], "cat", "/proc/self/cgroup")
      #expect(result.line.hasSuffix("/sub"), "\(result)")
      let escape = try container.exec(["--cgroup", "../.."], "cat", "/proc/self/cgroup")
      #expect(!escape.out.contains(".."), "\(escape)")
      #expect(eventually { rmdir(path + "/sub") == 0 })
    }
  }

  @Test func noNewPrivs() throws {
    try withSandbox { box in
      let container = try box.running { $0["process.noNewPrivileges"] = false }
      let with = try container.exec(["--no-new-privs"], "cat", "/proc/self/status")
      #expect(ProcStatus(with.out)["NoNewPrivs"] == "1", "\(with)")
      let without = try container.exec([], "cat", "/proc/self/status")
      #expect(ProcStatus(without.out)["NoNewPrivs"] == "0")
    }
  }

  @Test func manyAtOnce() throws {
    try withSandbox { box in
      let container = try box.running()
      let children = try (0..<16).map {
        try box.spawn(["exec", container.id, "/bin/sh", "-c", "echo \($0); exit \($0)"])
      }
      for (index, child) in children.enumerated() {
        let result = try child.finish()
        #expect(result.line == "\(index)" && result.code == Int32(index), "\(result)")
      }
    }
  }

  @Test func theCallersSignalReachesTheProcess() throws {
    try withSandbox { box in
      let container = try box.running()
      let child = try box.spawn([
        "exec", container.id, "/bin/sh", "-c",
        "trap 'echo got; exit 4' TERM; echo up; while :; do sleep 0.1; done",
      ])
      try child.expect("up")
      child.signal(SIGTERM)
      let result = try child.finish(timeout: 15)
      #expect(result.code == 4 && result.out.contains("got"), "\(result)")
    }
  }

  @Test func noDescriptorOfTheHostIsInherited() throws {
    try withSandbox { box in
      let container = try box.running()
      let result = try container.sh("ls -l /proc/self/fd 2>/dev/null")
      #expect(!result.out.contains("/tmp/swrun-test"), "\(result)")
      #expect(!result.out.contains("cgroup"), "\(result)")
    }
  }
}
