import CHarness
import Foundation
import Harness
import Testing

/// process.terminal in the foreground, and over a console socket.
@Suite(.root) struct Terminal {
  @Test(.not(.crun, because: "crun 1.8.1 does not pass the size on"))
  func theProcessHasATerminal() throws {
    try withSandbox { box in
      let terminal = try PseudoTerminal(rows: 33, columns: 101)
      let container = try box.container {
        $0["process.terminal"] = true
        $0.sh(
          "tty; test -t 0 && test -t 1 && test -t 2 && echo all; stty size; stat -c '%t:%T' /dev/console; echo x > /dev/tty"
        )
      }
      let run = try container.start(foreground: terminal)
      let text = terminal.read(until: "x\r\n")
      #expect(try run.finish().code == 0)
      #expect(text.contains("/dev/pts/0") || text.contains("/dev/console"), "\(text)")
      #expect(text.contains("all\r\n"))
      #expect(text.contains("33 101"), "the size is that of the caller's terminal: \(text)")
      #expect(text.contains("88:0"), "/dev/console is the terminal: \(text)")
    }
  }

  @Test func theCallersTerminalIsRawWhileItRunsAndRestoredAfter() throws {
    try withSandbox { box in
      let terminal = try PseudoTerminal()
      let container = try box.container {
        $0["process.terminal"] = true
        $0.sh("echo ready; read line; echo got:$line")
      }
      let run = try container.start(foreground: terminal)
      var text = terminal.read(until: "ready")
      #expect(ch_is_raw(terminal.slave) == 1)
      terminal.write("typed\r")
      text += terminal.read(until: "got:typed")
      #expect(text.contains("got:typed"), "\(text)")
      #expect(try run.finish().code == 0)
      #expect(ch_is_raw(terminal.slave) == 0)
    }
  }

  @Test func theTerminalIsRestoredWhenSwrunIsEnded() throws {
    try withSandbox { box in
      let terminal = try PseudoTerminal()
      let container = try box.container {
        $0["process.terminal"] = true
        $0.sh("echo ready; exec sleep 1000")
      }
      let run = try container.start(foreground: terminal)
      _ = terminal.read(until: "ready")
      try container.kill("KILL").ok()
      #expect(try run.finish().code == 137)
      #expect(ch_is_raw(terminal.slave) == 0)
    }
  }

  @Test(.not(.crun, because: "crun 1.8.1 does not pass the size on"))
  func aChangeOfTheWindowIsPassedOn() throws {
    try withSandbox { box in
      let terminal = try PseudoTerminal(rows: 20, columns: 60)
      let container = try box.container {
        $0["process.terminal"] = true
        $0.sh("trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.1; done")
      }
      let run = try container.start(foreground: terminal)
      _ = terminal.read(until: "ready")
      _ = ch_set_window(terminal.master, 44, 122)
      #expect(terminal.read(until: "44 122").contains("44 122"))
      #expect(try run.finish().code == 0)
    }
  }

  @Test func controlCIsForTheProcessInside() throws {
    try withSandbox { box in
      let terminal = try PseudoTerminal()
      let container = try box.container {
        $0["process.terminal"] = true
        $0.sh("trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.1; done")
      }
      let run = try container.start(foreground: terminal)
      _ = terminal.read(until: "ready")
      terminal.write("\u{3}")
      #expect(terminal.read(until: "interrupted").contains("interrupted"))
      #expect(try run.finish().code == 3)
    }
  }

  @Test func largeOutputIsComplete() throws {
    try withSandbox { box in
      let terminal = try PseudoTerminal()
      let container = try box.container {
        $0["process.terminal"] = true
        $0.sh("seq 1 20000; echo the-end")
      }
      let run = try container.start(foreground: terminal)
      let text = terminal.read(until: "the-end")
      #expect(try run.finish().code == 0)
      #expect(text.split(separator: "\r\n").count == 20_001)
    }
  }

  @Test func theConsoleSocketReceivesTheMaster() throws {
    try withSandbox { box in
      let listener = ch_listen(box.path("console"))
      #expect(listener >= 0)
      defer { close(listener) }
      let container = try box.container {
        $0["process.terminal"] = true
        $0["process.consoleSize"] = ["height": 25, "width": 81]
        $0.sh("stty size; read x; echo answer:$x")
      }
      let create = try box.spawn([
        "create", "-b", container.bundle, "--console-socket", box.path("console"), container.id,
      ])
      let master = try receive(listener)
      defer { close(master) }
      try create.finish().ok("create")
      try container.start().ok("start")
      let terminal = PseudoTerminal(master: master)
      var text = terminal.read(until: "25 81")
      terminal.write("42\n")
      text += terminal.read(until: "answer:42")
      #expect(text.contains("25 81") && text.contains("answer:42"), "\(text)")
      #expect(container.waits(for: "stopped"))
    }
  }

  @Test func execWithATerminal() throws {
    try withSandbox { box in
      let container = try box.running()
      let terminal = try PseudoTerminal(rows: 31, columns: 77)
      let run = try box.spawn(
        ["exec", "--tty", container.id, "/bin/sh", "-c", "tty; stty size; exit 6"],
        input: .fd(terminal.slave), output: .fd(terminal.slave), error: .fd(terminal.slave),
        terminal: true)
      let text = terminal.read(until: "31 77")
      #expect(try run.finish().code == 6, "\(text)")
      #expect(text.contains("/dev/pts/") && text.contains("31 77"), "\(text)")
    }
  }

  @Test func execWithAConsoleSocket() throws {
    try withSandbox { box in
      let container = try box.running()
      let listener = ch_listen(box.path("console"))
      defer { close(listener) }
      let run = try box.spawn([
        "exec", "--tty", "--detach", "--console-socket", box.path("console"), container.id,
        "/bin/sh", "-c", "tty; read x; echo answer:$x",
      ])
      let master = try receive(listener)
      defer { close(master) }
      try run.finish().ok("exec")
      let terminal = PseudoTerminal(master: master)
      terminal.write("7\n")
      let text = terminal.read(until: "answer:7")
      #expect(text.contains("answer:7"), "\(text)")
    }
  }

  @Test func wrongCombinationsAreRefused() throws {
    guard Runtime.kind != .crun else { return }
    try withSandbox { box in
      let wants = try box.container { $0["process.terminal"] = true }
      refused(try wants.create(), saying: ["console"])
      let wantsNot = try box.container()
      let listener = ch_listen(box.path("console"))
      defer { close(listener) }
      refused(try wantsNot.create("--console-socket", box.path("console")), saying: ["console"])
      refused(try wants.create("--console-socket", box.path("nothing")), saying: ["nothing"])
    }
  }

  private func receive(_ listener: Int32) throws -> Int32 {
    var fds: [Int32] = [-1, -1]
    var bytes = [CChar](repeating: 0, count: 4096)
    var length = 0
    let count = ch_accept_descriptors(listener, 15_000, &fds, 2, &bytes, bytes.count, &length)
    guard count == 1 else { throw HarnessError("\(count) descriptors came over the socket") }
    return fds[0]
  }
}
