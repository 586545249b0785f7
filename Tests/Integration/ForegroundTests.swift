import CHarness
import Foundation
import Harness
import Testing

/// The corners of a foreground `run` or `exec`: ends of input and output, stops, background jobs.
@Suite(.root, .swrunOnly) struct Foreground {
  @Test func inputThatIsNoTerminalEndsTheTerminalsInput() throws {
    try withSandbox { box in
      let container = try terminalContainer(box, "cat; exit 3")
      // The last line has no newline: one end-of-file character would only flush it.
      let result = try container.run(input: .text("one\ntwo"))
      #expect(result.code == 3, "\(result)")
      #expect(result.out.contains("one\r\n") && result.out.contains("two"), "\(result)")
    }
  }

  @Test func emptyInputEndsTheTerminalsInput() throws {
    try withSandbox { box in
      let result = try terminalContainer(box, "cat; exit 4").run(input: .null)
      #expect(result.code == 4, "\(result)")
    }
  }

  @Test func muchInputIsNotLost() throws {
    try withSandbox { box in
      let container = try terminalContainer(
        box, "stty -echo; echo ready; wc -l; exit 5")
      let lines = (0..<20_000).map { "line \($0)\n" }.joined()
      let result = try container.run(input: .text(lines))
      #expect(result.code == 5)
      #expect(result.out.contains("20000"), "\(result.out.suffix(200))")
    }
  }

  @Test func aReaderThatGoesHangsTheTerminalUp() throws {
    try withSandbox { box in
      var fds: [Int32] = [-1, -1]
      #expect(ch_pipe(&fds) == 0)
      let container = try terminalContainer(box, "while echo line; do :; done; exit 6")
      let run = try container.start(output: .fd(fds[1]))
      close(fds[1])
      var byte: UInt8 = 0
      #expect(read(fds[0], &byte, 1) == 1)
      close(fds[0])
      #expect(try run.finish(timeout: 20).code == 6)
    }
  }

  @Test func aReaderThatStallsDoesNotHoldSignalsBack() throws {
    try withSandbox { box in
      var fds: [Int32] = [-1, -1]
      #expect(ch_pipe(&fds) == 0)
      defer { close(fds[0]) }
      let container = try terminalContainer(box, "trap 'exit 7' TERM; yes & wait")
      let run = try container.start(output: .fd(fds[1]))
      defer { close(fds[1]) }
      // Full, and what comes next has nowhere to go: the trap stands long before that.
      let isFull = eventually(timeout: 60) {
        var writer = pollfd(fd: fds[1], events: Int16(POLLOUT), revents: 0)
        return poll(&writer, 1, 0) == 0
      }
      #expect(isFull)
      run.signal(SIGTERM)
      #expect(try run.finish(timeout: 20).code == 7)
    }
  }

  @Test func aClosedWindowHangsTheTerminalUp() throws {
    try withSandbox { box in
      let container = try terminalContainer(box, "echo ready; cat; exit 8")
      var terminal: PseudoTerminal? = try PseudoTerminal()
      let run = try container.start(foreground: terminal!)
      _ = terminal!.read(until: "ready")
      terminal = nil
      #expect(try run.finish(timeout: 20).code == 8)
    }
  }

  @Test func theConsoleMayBeClosedAndOpenedAgain() throws {
    try withSandbox { box in
      let terminal = try PseudoTerminal()
      let container = try terminalContainer(
        box, "exec 0<&- 1>&- 2>&-; sleep 0.3; exec >/dev/console; echo again; exit 9")
      let run = try container.start(foreground: terminal)
      #expect(terminal.read(until: "again").contains("again"))
      #expect(try run.finish(timeout: 20).code == 9)
    }
  }

  @Test func aStopAndAContinueSetTheTerminalAgain() throws {
    try withSandbox { box in
      let terminal = try PseudoTerminal(rows: 20, columns: 60)
      let container = try terminalContainer(
        box, "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.1; done")
      let run = try container.start(foreground: terminal)
      _ = terminal.read(until: "ready")
      run.signal(SIGSTOP)
      usleep(100_000)
      // As a shell does it while its job is stopped.
      var mode = termios()
      tcgetattr(terminal.slave, &mode)
      mode.c_lflag |= tcflag_t(ICANON | ECHO)
      tcsetattr(terminal.slave, TCSANOW, &mode)
      #expect(ch_is_raw(terminal.slave) == 0)
      _ = ch_set_window(terminal.master, 21, 61)
      run.signal(SIGCONT)
      #expect(terminal.read(until: "21 61").contains("21 61"))
      #expect(try run.finish(timeout: 20).code == 0)
      #expect(ch_is_raw(terminal.slave) == 0)
    }
  }

  @Test func aFaultOfTheProgramGivesTheTerminalBack() throws {
    try withSandbox { box in
      let terminal = try PseudoTerminal()
      let container = try terminalContainer(box, "echo ready; exec sleep 1000")
      let run = try container.start(foreground: terminal)
      _ = terminal.read(until: "ready")
      #expect(ch_is_raw(terminal.slave) == 1)
      run.signal(SIGSEGV)
      #expect(try run.finish().signal == SIGSEGV)
      #expect(ch_is_raw(terminal.slave) == 0)
      try container.delete(force: true).ok()
    }
  }

  @Test func anIgnoredSignalIsNotForwarded() throws {
    try withSandbox { box in
      let container = try box.container {
        $0.sh("trap 'exit 1' HUP; echo up; sleep 0.7; exit 10")
      }
      let run = try box.spawn(
        ["run", "-b", container.bundle, container.id],
        runtime: ["/usr/bin/nohup", Runtime.path])
      try run.expect("up")
      run.signal(SIGHUP)
      #expect(try run.finish(timeout: 20).code == 10)
    }
  }

  @Test func aBackgroundJobWaitsForTheForeground() throws {
    try withSandbox { box in
      let terminal = try PseudoTerminal()
      let container = try terminalContainer(box, "echo ready; read x; echo got:$x; exit 11")
      let shell = try Child(
        ["/bin/bash", "--norc", "--noediting", "-i"],
        environment: box.environment.merging(["PS1": "PROMPT:"]) { $1 },
        input: .fd(terminal.slave), output: .fd(terminal.slave), error: .fd(terminal.slave),
        terminal: true)
      _ = terminal.read(until: "PROMPT:")
      terminal.write(
        "'\(Runtime.path)' --root '\(box.root)' run -b '\(container.bundle)' \(container.id) &\n")
      let stops = eventually { stateLetter(of: container.id) == "T" }
      #expect(stops, "the job is stopped")
      terminal.write("fg\n")
      _ = terminal.read(until: "ready")
      terminal.write("answer\r")
      #expect(terminal.read(until: "got:answer").contains("got:answer"))
      _ = terminal.read(until: "PROMPT:")
      terminal.write("echo code:$?\n")
      #expect(terminal.read(until: "code:11").contains("code:11"))
      terminal.write("exit\n")
      _ = try shell.finish(timeout: 20)
    }
  }

  @Test func execReturnsAlthoughABackgroundProcessKeepsTheTerminal() throws {
    try withSandbox { box in
      let container = try box.running()
      for script in ["sleep 1000 & echo left; exit 12", "yes & echo left; exit 12"] {
        let result = try box.spawn(["exec", "-t", container.id, "/bin/sh", "-c", script])
          .finish(timeout: 20)
        #expect(result.code == 12, "\(script)")
        #expect(result.out.contains("left"), "\(script)")
      }
    }
  }

  @Test func closedStreamsAreNoPlaceForFilesOfOurs() throws {
    try withSandbox { box in
      let container = try box.container { $0.sh("ls -l /proc/self/fd; exit 13") }
      let log = box.path("log")
      let run = try box.spawn(
        ["--log", log, "run", "-b", container.bundle, container.id], input: .closed,
        output: .file(box.path("out")), error: .closed)
      #expect(try run.finish().code == 13)
      let seen = Machine.read(box.path("out")) ?? ""
      #expect(seen.contains("/dev/null") && !seen.contains("log"), "\(seen)")
    }
  }

  private func terminalContainer(_ box: Sandbox, _ script: String) throws -> Container {
    try box.container {
      $0["process.terminal"] = true
      $0.sh(script)
    }
  }

  /// The state of the `run` of this container, such as `T` for stopped.
  private func stateLetter(of id: String) -> Character? {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard Int32(name) != nil,
        let line = Machine.read("/proc/\(name)/cmdline"), line.contains("\0run\0"),
        line.contains(id), let stat = Machine.read("/proc/\(name)/stat"),
        let close = stat.lastIndex(of: ")")
      else { continue }
      return stat[stat.index(close, offsetBy: 2)]
    }
    return nil
  }
}
