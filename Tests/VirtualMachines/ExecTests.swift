import Foundation
import Harness
import Testing

/// exec into a VM: one machine, many processes.
extension Machines {
  @Suite struct Exec {
    @Test func processesInARunningMachine() throws {
      try withSandbox { box in
        let container = try box.runningMachine { $0.env("FROM=config") }
        let plain = try container.sh("echo out; echo err >&2; echo $FROM; exit 17")
        #expect(plain.code == 17 && plain.lines == ["out", "config"], "\(plain)")
        #expect(plain.err.contains("err"), "\(plain)")
        let input = try container.exec([], "wc", "-c", input: .text("twelve bytes"))
        #expect(input.line == "12", "\(input)")
        let user = try container.exec(
          ["--user", "1000:2000", "--cwd", "/tmp", "--env", "A=b c"], "/bin/sh", "-c",
          "id -u; id -g; pwd; echo $A")
        #expect(user.lines == ["1000", "2000", "/tmp", "b c"], "\(user)")
        #expect(try container.sh("echo $PPID; kill -0 1 && echo sees").out.contains("sees"))
        #expect(try container.exec([], "/bin/nosuch").code == 127)
        #expect(try container.sh("kill -TERM $$").code == 143)
        #expect(try container.status() == "running")
      }
    }

    @Test func manyAtOnce() throws {
      try withSandbox { box in
        let container = try box.runningMachine()
        let children = try (0..<8).map {
          try box.spawn(["exec", container.id, "/bin/sh", "-c", "echo \($0); exit \($0)"])
        }
        for (index, child) in children.enumerated() {
          let result = try child.finish(timeout: 240)
          #expect(result.line == "\(index)" && result.code == Int32(index), "\(result)")
        }
      }
    }

    @Test func aTerminal() throws {
      try withSandbox { box in
        let container = try box.runningMachine()
        let terminal = try PseudoTerminal(rows: 31, columns: 97)
        let run = try Child(
          [
            Runtime.path, "--root", box.root, "exec", "--tty", container.id, "/bin/sh", "-c",
            "test -t 0 && test -t 1 && stty size; read line; echo got:$line; exit 5",
          ],
          environment: box.environment, input: .fd(terminal.slave), output: .fd(terminal.slave),
          error: .fd(terminal.slave), terminal: true)
        var text = terminal.read(until: "31 97", timeout: 240)
        terminal.write("typed\r")
        text += terminal.read(until: "got:typed", timeout: 240)
        #expect(text.contains("31 97") && text.contains("got:typed"), "\(text)")
        #expect(try run.finish(timeout: 240).code == 5)
      }
    }
  }
}
