import Foundation
import Harness
import Testing

/// process: identity, directory, environment, flags of the process.
@Suite(.root) struct ProcessSpec {
  @Test func userAndGroups() throws {
    try withSandbox { box in
      let result = try box.run {
        $0["process.user"] = ["uid": 1000, "gid": 1000, "additionalGids": [5, 2000]]
        $0.sh("cat /proc/self/status; echo; touch /tmp/x 2>/dev/null || echo refused")
      }
      let status = ProcStatus(result.out)
      #expect(status.list("Uid") == [1000, 1000, 1000, 1000])
      #expect(status.list("Gid") == [1000, 1000, 1000, 1000])
      #expect(Set(status.list("Groups")).isSuperset(of: [5, 2000]))
      #expect(!status.list("Groups").contains(0))
      #expect(status.capabilities("CapEff") == [], "no capabilities outlive the change of user")
    }
  }

  @Test func noGroupOfTheCallerIsInherited() throws {
    try withSandbox { box in
      let container = try box.container { $0.sh("cat /proc/self/status") }
      let result = try Child(
        ["/usr/bin/setpriv", "--groups", "4,24", "--"]
          + Runtime.command(Runtime.kind, path: Runtime.path)
          + ["--root", box.root, "run", "-b", container.bundle, container.id],
        environment: box.environment
      ).finish()
      #expect(Set(ProcStatus(result.out).list("Groups")).subtracting([0]) == [], "\(result)")
    }
  }

  @Test func umask() throws {
    try withSandbox { box in
      let result = try box.run {
        $0["process.user"] = ["uid": 0, "gid": 0, "umask": 0o27]
        $0.sh("umask")
      }
      #expect(result.line == "0027")
      let standard = try box.run { $0.sh("umask") }
      #expect(standard.line == "0022")
    }
  }

  @Test func workingDirectory() throws {
    try withSandbox { box in
      let result = try box.run {
        $0["process.cwd"] = "/etc"
        $0.sh("pwd; ls -d passwd; readlink /proc/self/cwd")
      }
      #expect(result.lines == ["/etc", "passwd", "/etc"])
    }
  }

  @Test func aMissingWorkingDirectoryIsMade() throws {
    try withSandbox { box in
      let container = try box.container {
        $0["root.readonly"] = false
        $0["process.cwd"] = "/new/directory"
        $0.sh("pwd")
      }
      let result = try container.run()
      #expect(result.line == "/new/directory", "\(result)")
    }
  }

  @Test func aWorkingDirectoryOnlyItsUserMayEnter() throws {
    try withSandbox { box in
      let container = try box.container {
        $0["process.user"] = ["uid": 1000, "gid": 1000]
        $0["process.cwd"] = "/own"
        $0.sh("pwd")
      }
      try container.makeDirectory("own")
      chmod("\(container.rootfs)/own", 0o700)
      chown("\(container.rootfs)/own", 1000, 1000)
      let result = try container.run()
      #expect(result.line == "/own", "\(result)")
    }
  }

  @Test func theEnvironmentIsExactlyTheGivenOne() throws {
    try withSandbox { box in
      let container = try box.container {
        $0["process.env"] = ["PATH=/bin", "A=1", "EMPTY=", "WITH=a=b c", "SWRUN_TEST=\(box.tag)"]
        $0.args("env")
      }
      let result = try box.spawn(
        ["run", "-b", container.bundle, container.id], environment: ["LEAK": "host"]
      ).finish()
      var lines = Set(result.lines)
      // runc and crun add HOME from the passwd file of the container.
      #expect(lines.remove("HOME=/root") != nil, "\(result)")
      #expect(
        lines == ["PATH=/bin", "A=1", "EMPTY=", "WITH=a=b c", "SWRUN_TEST=\(box.tag)"], "\(result)")
    }
  }

  @Test func aNameOfTheEnvironmentIsThereOnce() throws {
    try withSandbox { box in
      let result = try box.run {
        $0["process.env"] = ["PATH=/nowhere", "A=1", "B=1", "A=2", "PATH=/bin"]
        $0.env("SWRUN_TEST=\(box.tag)")
        // Its own file and no shell: what a program gets, in its order.
        $0.args("cat", "/proc/self/environ")
      }
      #expect(
        result.out.split(separator: "\0").prefix(3) == ["PATH=/bin", "A=2", "B=1"], "\(result)")
    }
  }

  @Test func homeIsThatOfTheUser() throws {
    try withSandbox { box in
      let user = try box.run {
        $0["process.user"] = ["uid": 1000, "gid": 1000]
        $0.sh("echo $HOME")
      }
      #expect(user.line == "/home")
      let given = try box.run {
        $0.env("HOME=/elsewhere")
        $0.sh("echo $HOME")
      }
      #expect(given.line == "/elsewhere")
    }
  }

  @Test func theCommandIsFoundInThePathOfTheContainer() throws {
    try withSandbox { box in
      let container = try box.container {
        $0["process.env"] = ["PATH=/nowhere:/special:/bin"]
        $0.args("tool", "argument with spaces", "")
      }
      try container.makeDirectory("special")
      try container.put("special/tool", "#!/bin/sh\necho \"$0|$1|$#\"\n", mode: 0o755)
      let result = try container.run()
      #expect(result.line == "/special/tool|argument with spaces|2", "\(result)")
    }
  }

  /// crun takes the first file that root can execute, runc the first that anybody can.
  @Test(.swrunOnly) func thePathIsSearchedAsTheUser() throws {
    try withSandbox { box in
      let container = try box.container {
        $0["process.user"] = ["uid": 1000, "gid": 1000]
        $0["process.env"] = ["PATH=/closed:/roots:/special:/bin", "SWRUN_TEST=\(box.tag)"]
        $0.args("tool")
      }
      for (directory, mode) in [("closed", 0o755), ("roots", 0o700), ("special", 0o755)] {
        try container.makeDirectory(directory)
        try container.put(
          "\(directory)/tool", "#!/bin/sh\necho \(directory)\n", mode: mode_t(mode))
      }
      chmod("\(container.rootfs)/closed", 0o700)
      #expect(try container.run().line == "special")
    }
  }

  @Test(arguments: [true, false]) func noNewPrivileges(value: Bool) throws {
    try withSandbox { box in
      let result = try box.run {
        $0["process.noNewPrivileges"] = value
        $0.args("cat", "/proc/self/status")
      }
      #expect(ProcStatus(result.out)["NoNewPrivs"] == (value ? "1" : "0"))
    }
  }

  @Test(arguments: [100, 1000, 0]) func oomScoreAdj(value: Int) throws {
    try withSandbox { box in
      let result = try box.run {
        $0["process.oomScoreAdj"] = value
        $0.args("cat", "/proc/self/oom_score_adj")
      }
      #expect(result.line == "\(value)")
    }
  }

  @Test(
    .swrunOnly,
    arguments: [("SCHED_BATCH", 5, "3"), ("SCHED_IDLE", 0, "5"), ("SCHED_OTHER", 7, "0")])
  func scheduler(policy: String, nice: Int, number: String) throws {
    try withSandbox { box in
      let result = try box.run {
        $0["process.scheduler"] = ["policy": policy, "nice": nice]
        $0.args("cat", "/proc/self/stat")
      }
      let fields = result.line.split(separator: " ")
      #expect(fields.count > 40 && fields[40] == Substring(number), "\(result)")
      if policy != "SCHED_IDLE" {
        #expect(fields.count > 18 && fields[18] == "\(nice)", "\(result)")
      }
    }
  }

  @Test(
    .swrunOnly,
    arguments: [("IOPRIO_CLASS_IDLE", 0, "idle"), ("IOPRIO_CLASS_BE", 6, "best-effort: prio 6")])
  func ioPriority(name: String, priority: Int, expected: String) throws {
    try withSandbox { box in
      let result = try box.run {
        $0["process.ioPriority"] = ["class": name, "priority": priority]
        $0.sh("ionice -p $$")
      }
      #expect(result.line.hasPrefix(expected), "\(result)")
    }
  }

  @Test(
    .not(.runc, because: "runc 1.1.5 has no personality"),
    arguments: [("LINUX32", "i686"), ("LINUX", "x86_64")])
  func personality(domain: String, machine: String) throws {
    try withSandbox { box in
      let result = try box.run {
        $0["linux.personality"] = ["domain": domain]
        $0.args("uname", "-m")
      }
      #expect(result.line == machine, "\(result)")
    }
  }

  @Test func noDescriptorOfTheRuntimeIsInherited() throws {
    try withSandbox { box in
      // The shell's own list: the fourth entry is the directory that ls reads.
      let result = try box.run { $0.sh("ls -l /proc/self/fd 2>/dev/null | tail -n +2 | wc -l") }
      #expect(Int(result.line) == 4 || Int(result.line) == 3, "\(result)")
    }
  }

  @Test func theProcessLeadsItsSessionAndHasNoSignalIgnoredOrBlocked() throws {
    try withSandbox { box in
      let session = try box.run { $0.args("cat", "/proc/self/stat") }
      #expect(session.line.split(separator: " ").prefix(6).suffix(2) == ["1", "1"], "\(session)")
      let result = try box.run { $0.args("cat", "/proc/self/status") }
      let status = ProcStatus(result.out)
      for set in ["SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt"] {
        #expect(status[set] == "0000000000000000", "\(set)")
      }
    }
  }

  @Test func threadedParentDeathSignalIsNotSet() throws {
    try withSandbox { box in
      // The caller of `run -d` is gone, and the process lives on.
      let container = try box.running()
      usleep(200_000)
      #expect(try container.process().isAlive)
    }
  }
}
