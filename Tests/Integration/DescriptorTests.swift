import CHarness
import Foundation
import Harness
import Testing

/// --pid-file, --preserve-fds, LISTEN_FDS, --pidfd-socket, the session keyring.
@Suite(.root) struct Descriptors {
  @Test func thePidFile() throws {
    try withSandbox { box in
      let container = try box.container { $0.args("sleep", "1000") }
      try container.create("--pid-file", box.path("pid")).ok("create")
      #expect(Machine.read(box.path("pid")) == "\(try container.pid())")
    }
  }

  /// Without a pid file nothing is due before the program, and it does not wait for the runtime.
  @Test(.swrunOnly) func thePidFileIsThereBeforeTheProgram() throws {
    try withSandbox { box in
      let (first, second) = (box.path("pid"), box.path("second"))
      let sandbox = (first as NSString).deletingLastPathComponent
      let container = try box.container {
        $0.bind(sandbox, "/sandbox")
        $0.sh("cat /sandbox/pid")
      }
      let pid = try container.run("--pid-file", first).ok("run").out
      #expect(pid == Machine.read(first) && Int(pid) != nil, "\(pid)")
      let running = try box.running { $0.bind(sandbox, "/sandbox") }
      let other = try running.exec(["--pid-file", second], "cat", "/sandbox/second").ok("exec").out
      #expect(other == Machine.read(second) && Int(other) != nil, "\(other)")
    }
  }

  @Test func aPidFileThatCannotBeWritten() throws {
    try withSandbox { box in
      let container = try box.container()
      refused(
        try container.create("--pid-file", box.path("no/such/directory/pid")),
        saying: [box.path("no/such/directory/pid")])
    }
  }

  @Test func preservedDescriptors() throws {
    try withSandbox { box in
      try "passed".write(toFile: box.path("file"), atomically: false, encoding: .utf8)
      let first = open(box.path("file"), O_RDONLY)
      let second = open(box.path("file"), O_RDONLY)
      defer {
        close(first)
        close(second)
      }
      let container = try box.container { $0.sh("cat <&3; test -e /proc/self/fd/4 && echo four") }
      let one = try box.swrun(
        "run", "-b", container.bundle, "--preserve-fds", "1", container.id, extra: [first, second])
      #expect(one.out == "passed" && one.code != 0, "only one is passed: \(one)")
      lseek(first, 0, SEEK_SET)
      let two = try box.swrun(
        "run", "-b", container.bundle, "--preserve-fds=2", container.id, extra: [first, second])
      #expect(two.line == "passedfour", "\(two)")
    }
  }

  /// Some of these numbers are the runtime's own, the view of its binary among them.
  @Test(.swrunOnly, arguments: [0, 1]) func whatTheCallerDidNotOpenIsNotPassed(given: Int) throws {
    try withSandbox { box in
      let file = open("/etc/hostname", O_RDONLY)
      defer { close(file) }
      let extra = [CInt](repeating: file, count: given)
      let options = ["--preserve-fds", "20"]
      // The last one is the directory that ls reads.
      let expected = (0...3 + given).map { "\($0)" }
      let container = try box.container { $0.sh("ls /proc/self/fd") }
      let result = try box.spawn(
        ["run", "-b", container.bundle] + options + [container.id], extra: extra
      ).finish()
      #expect(result.lines == expected, "\(result)")
      let running = try box.running { $0.args("sleep", "1000") }
      let exec = try box.spawn(
        ["exec"] + options + [running.id, "ls", "/proc/self/fd"], extra: extra
      ).finish()
      #expect(exec.lines == expected, "\(exec)")
    }
  }

  @Test func withoutTheOptionNoneIsPassed() throws {
    try withSandbox { box in
      let file = open("/etc/hostname", O_RDONLY)
      defer { close(file) }
      let container = try box.container { $0.sh("test -e /proc/self/fd/3 && echo leaked; exit 0") }
      let result = try box.swrun("run", "-b", container.bundle, container.id, extra: [file])
      #expect(result.out == "" && result.code == 0, "\(result)")
    }
  }

  @Test(.not(.crun, because: "crun 1.8.1 clears LISTEN_FDS"))
  func descriptorsOfSystemdSocketActivation() throws {
    try withSandbox { box in
      try "listening".write(toFile: box.path("file"), atomically: false, encoding: .utf8)
      let fd = open(box.path("file"), O_RDONLY)
      defer { close(fd) }
      let container = try box.container { $0.sh("echo $LISTEN_FDS ${LISTEN_PID:-1}; cat <&3") }
      // The variable names the process that is started: the shell becomes the runtime.
      let runtime = Runtime.command(Runtime.kind, path: Runtime.path)
      let result = try Child(
        ["/bin/sh", "-c", "export LISTEN_PID=$$; exec \"$@\"", "sh"] + runtime
          + ["--root", box.root, "run", "-b", container.bundle, container.id],
        environment: box.environment.merging(["LISTEN_FDS": "1"]) { $1 }, extra: [fd]
      ).finish()
      #expect(result.lines == ["1 1", "listening"], "\(result)")
    }
  }

  @Test func preservedDescriptorsOfExec() throws {
    try withSandbox { box in
      try "passed".write(toFile: box.path("file"), atomically: false, encoding: .utf8)
      let fd = open(box.path("file"), O_RDONLY)
      defer { close(fd) }
      let container = try box.running()
      let result = try box.swrun(
        "exec", "--preserve-fds", "1", container.id, "/bin/sh", "-c", "cat <&3", extra: [fd])
      #expect(result.out == "passed", "\(result)")
    }
  }

  /// As crun takes it; runc refuses.
  @Test(.not(.runc, because: "runc 1.1.5 refuses it"))
  func preservingMoreThanAreOpenPassesThoseThatAre() throws {
    try withSandbox { box in
      try "passed".write(toFile: box.path("file"), atomically: false, encoding: .utf8)
      let fd = open(box.path("file"), O_RDONLY)
      defer { close(fd) }
      let container = try box.container { $0.sh("cat <&3; test ! -e /proc/self/fd/5 && echo end") }
      let result = try box.swrun(
        "run", "-b", container.bundle, "--preserve-fds", "100", container.id, extra: [fd])
      #expect(result.line == "passedend", "\(result)")
    }
  }

  @Test(.swrunOnly) func thePidfdSocket() throws {
    try withSandbox { box in
      let listener = ch_listen(box.path("pidfd"))
      defer { close(listener) }
      let container = try box.container { $0.args("sleep", "1000") }
      let create = try box.spawn(
        [
          "create", "-b", container.bundle, "--pidfd-socket", box.path("pidfd"), container.id,
        ], output: .file(container.outputPath))
      var fds: [Int32] = [-1]
      var bytes = [CChar](repeating: 0, count: 4096)
      var length = 0
      let count = ch_accept_descriptors(listener, 15_000, &fds, 1, &bytes, bytes.count, &length)
      try create.finish().ok("create")
      #expect(count == 1)
      defer { close(fds[0]) }
      let info = Machine.read("/proc/self/fdinfo/\(fds[0])") ?? ""
      #expect(info.contains("Pid:\t\(try container.pid())\n"), "\(info)")
    }
  }

  @Test func theSessionKeyringIsNew() throws {
    guard Machine.read("/proc/keys") != nil else { return }
    try withSandbox { box in
      let container = try box.container {
        $0["linux.maskedPaths"] = [String]()
        $0.sh("cat /proc/keys")
      }
      let result = try container.run()
      if Runtime.kind != .crun {
        #expect(result.out.contains("_ses.\(container.id)"), "\(result)")
      }
      let other = try box.container {
        $0["linux.maskedPaths"] = [String]()
        $0.sh("cat /proc/keys")
      }
      let shared = try other.run("--no-new-keyring")
      #expect(shared.code == 0)
      #expect(!shared.out.contains("_ses.\(other.id)"))
    }
  }
}
