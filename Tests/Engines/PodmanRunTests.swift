import Foundation
import Harness
import Testing

/// `podman run --rm` in the foreground, and each option that becomes a part of config.json.
@Suite(.root, .podman) struct PodmanRun {
  @Test func outputAndExitCodeArePassedOn() throws {
    try withPodman { podman in
      let run = try podman.run(sh: "echo out; echo err >&2; exit 7")
      #expect(run.code == 7)
      #expect(run.out == "out\n")
      #expect(run.err == "err\n")
    }
  }

  @Test func standardInputIsPassedOn() throws {
    try withPodman { podman in
      let text = String(repeating: "a line of input\n", count: 20_000)
      let run = try podman.run("-i", sh: "md5sum; exit 3", input: .text(text))
      let direct = try host("md5sum", input: .text(text))
      #expect(run.code == 3)
      #expect(run.out == direct.out)
    }
  }

  @Test func aMissingCommandIs127AndIsNamed() throws {
    try withPodman { podman in
      let run = try podman.start(podman.arguments("run", ["--rm"], ["/no/such/command"])).finish()
      #expect(run.code == 127)
      #expect(run.err.contains("/no/such/command"), "\(run)")
    }
  }

  @Test func aCommandThatIsNoProgramIs126() throws {
    try withPodman { podman in
      let run = try podman.start(podman.arguments("run", ["--rm"], ["/etc/passwd"])).finish()
      #expect(run.code == 126)
      #expect(run.err.contains("ermission denied"), "\(run)")
    }
  }

  @Test func aTerminalIsATerminal() throws {
    try withPodman { podman in
      let terminal = try PseudoTerminal(rows: 31, columns: 97)
      let script = """
        tty; until stty size | grep -q '31 97'; do sleep 0.05; done; stty size
        read line; echo got:$line; exit 5
        """
      let run = try podman.start(
        podman.arguments("run", ["--rm", "-it"], ["sh", "-c", script]), terminal: terminal)
      var text = terminal.read(until: "31 97")
      #expect(text.contains("/dev/pts/0"), "\(text)")
      #expect(text.contains("31 97"), "\(text)")
      terminal.write("typed\r")
      text = terminal.read(until: "got:typed")
      #expect(text.contains("got:typed"), "\(text)")
      #expect(try run.finish().code == 5)
    }
  }

  @Test func theMemoryLimitIsInTheCgroup() throws {
    try withPodman { podman in
      try podman.running("c", "--memory", "48m")
      let cgroup = try podman.process("c").cgroup("memory") ?? ""
      let file = Machine.hasV1("memory") ? "memory.limit_in_bytes" : "memory.max"
      #expect(cgroup.contains(podman.box.tag), "\(cgroup)")
      #expect(Machine.read("\(cgroup)/\(file)") == "\(48 << 20)\n")
    }
  }

  @Test func tooMuchMemoryIsKilled() throws {
    try withPodman { podman in
      let run = try podman.run(
        "--memory", "16m", "--memory-swap", "16m", sh: "x=a; while :; do x=$x$x; done")
      #expect(run.code == 137, "\(run)")
    }
  }

  @Test func thePidsLimitHolds() throws {
    try withPodman { podman in
      try podman.running("c", "--pids-limit", "7")
      let cgroup = try podman.process("c").cgroup("pids") ?? ""
      #expect(Machine.read("\(cgroup)/pids.max") == "7\n")
      let run = try podman.podman(
        "exec", "c", "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done; echo no")
      #expect(run.err.contains("can't fork"), "\(run)")
    }
  }

  @Test(arguments: ["", ":ro"]) func aVolumeIsMounted(_ option: String) throws {
    try withPodman { podman in
      let source = podman.box.path("data")
      try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
      try "from the host\n".write(toFile: "\(source)/in", atomically: false, encoding: .utf8)
      let run = try podman.run(
        "--volume", "\(source):/data\(option)", sh: "cat /data/in; echo inside > /data/out")
      #expect(run.out == "from the host\n")
      #expect(run.err.contains("Read-only file system") == (option == ":ro"), "\(run)")
      #expect(Machine.read("\(source)/out") == (option == ":ro" ? nil : "inside\n"))
    }
  }

  @Test func aReadOnlyRootRefusesWritesAndTmpfsTakesThem() throws {
    try withPodman { podman in
      let run = try podman.run(
        "--read-only", "--tmpfs", "/scratch:size=1m",
        sh: "touch /file; echo x > /scratch/file && cat /scratch/file; df -m /scratch | tail -1")
      #expect(run.err.contains("Read-only file system"), "\(run)")
      #expect(run.lines.first == "x")
      #expect(run.lines.last?.split(separator: " ").dropFirst().first == "1", "\(run)")
    }
  }

  @Test func capabilitiesAreAddedAndDropped() throws {
    try withPodman { podman in
      let script = "cat /proc/self/status"
      func capabilities(_ options: String) throws -> Set<Int> {
        let options = options.split(separator: " ").map(String.init)
        let run = try podman.start(
          podman.arguments("run", ["--rm"] + options, ["sh", "-c", script])
        ).finish().ok("run")
        let status = ProcStatus(run.out)
        #expect(status.capabilities("CapEff") == status.capabilities("CapBnd"))
        #expect(status.capabilities("CapAmb").isEmpty)
        return status.capabilities("CapEff")
      }
      let plain = try capabilities("--cap-drop=all --cap-add=chown")
      #expect(plain == [0])
      let usual = try capabilities("--user=0")
      let changed = try capabilities("--cap-add=sys_time --cap-drop=kill")
      #expect(usual.contains(5) && !usual.contains(25))
      #expect(changed == usual.union([25]).subtracting([5]))
    }
  }

  @Test func userGroupsEnvironmentAndDirectory() throws {
    try withPodman { podman in
      let run = try podman.run(
        "--user", "1000:1000", "--group-add", "2000", "--env", "NAME=a value", "--workdir", "/tmp",
        "--hostname", "podhost", "--ulimit", "nofile=99:100", "--ulimit", "nproc=500",
        sh: "id -u; id -g; id -G; echo $NAME; pwd; hostname; ulimit -n; ulimit -Hn")
      #expect(
        run.lines == ["1000", "1000", "1000 2000", "a value", "/tmp", "podhost", "99", "100"],
        "\(run)")
    }
  }

  @Test func noNetworkIsLoopbackAlone() throws {
    try withPodman { podman in
      let run = try podman.run(sh: "ls /sys/class/net; cat /proc/net/route | wc -l")
      #expect(run.lines == ["lo", "1"], "\(run)")
    }
  }

  @Test func seccompFiltersAreOn() throws {
    try withPodman { podman in
      let profile = podman.box.path("profile.json")
      try #"""
      {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
       "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}
      """#.write(toFile: profile, atomically: false, encoding: .utf8)
      let script = "grep Seccomp: /proc/self/status; mkdir /tmp/new"
      let usual = try podman.run(sh: script)
      #expect(usual.out.contains("\t2") && usual.code == 0, "\(usual)")
      let ours = try podman.run("--security-opt", "seccomp=\(profile)", sh: script)
      #expect(ours.out.contains("\t2") && ours.code == 1, "\(ours)")
      #expect(ours.err.contains("No space left on device"), "\(ours)")
      let none = try podman.run("--security-opt", "seccomp=unconfined", sh: script)
      #expect(none.out.contains("\t0") && none.code == 0, "\(none)")
    }
  }

  @Test func aUserNamespaceIsMapped() throws {
    try withPodman { podman in
      let run = try podman.run(
        "--uidmap", "0:100000:2000", "--gidmap", "0:200000:2000",
        sh: "cat /proc/self/uid_map /proc/self/gid_map; touch /file && stat -c '%u:%g' /file")
      let words = run.lines.map { $0.split(separator: " ").map(String.init) }
      #expect(words == [["0", "100000", "2000"], ["0", "200000", "2000"], ["0:0"]], "\(run)")
    }
  }

  @Test func namespacesOfTheHostAreKept() throws {
    try withPodman { podman in
      try podman.running("c", "--pid=host", "--ipc=host", "--uts=host", "--network=host")
      let process = try podman.process("c")
      let own = ProcessView(getpid())
      for kind in ["pid", "ipc", "uts", "net"] {
        #expect(process.namespace(kind) == own.namespace(kind), "\(kind)")
      }
      #expect(process.namespace("mnt") != own.namespace("mnt"))
    }
  }

  @Test func aPrivilegedContainerMountsAndHasTheHostsDevices() throws {
    try withPodman { podman in
      let run = try podman.run(
        "--privileged", "--ulimit", "host",
        sh: "mount -t tmpfs none /tmp && test -e /dev/kmsg && echo done")
      #expect(run.line == "done", "\(run)")
    }
  }
}
