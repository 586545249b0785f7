import CHarness
import Foundation
import Harness
import Testing

/// Standard input, output and terminals of a VM's process.
extension Machines {
  @Suite struct Stdio {
    @Test func inputOutputAndErrorAreApart() throws {
      try withSandbox { box in
        let result = try box.runMachine(input: .text("one\ntwo\n")) {
          $0.sh("cat; echo to-err >&2; exit 4")
        }
        #expect(result.out == "one\ntwo\n" && result.code == 4, "\(result)")
        #expect(result.err.hasSuffix("to-err\n"), "\(result)")
      }
    }

    @Test func muchOfBoth() throws {
      try withSandbox { box in
        let text = String(repeating: "0123456789abcdef", count: 1 << 18)
        let result = try box.runMachine(input: .text(text)) { $0.sh("tee /dev/stderr | wc -c") }
        #expect(result.line == "\(text.utf8.count)")
        #expect(result.err.hasSuffix(text), "\(result.err.utf8.count) bytes")
      }
    }

    @Test func aReaderThatGoesEndsTheWriter() throws {
      try withSandbox { box in
        var fds: [Int32] = [-1, -1]
        #expect(ch_pipe(&fds) == 0)
        let container = try box.machine { $0.args("yes") }
        let run = try container.start(output: .fd(fds[1]))
        close(fds[1])
        var byte: UInt8 = 0
        #expect(read(fds[0], &byte, 1) == 1)
        close(fds[0])
        #expect(try run.finish(timeout: 240).code != 0)
      }
    }

    @Test func aTerminal() throws {
      try withSandbox { box in
        let terminal = try PseudoTerminal(rows: 33, columns: 101)
        let container = try box.machine {
          $0["process.terminal"] = true
          $0.sh(
            "trap 'stty size; exit 6' WINCH; test -t 0 && test -t 1 && test -t 2 && stty size; read line; echo got:$line; while :; do sleep 0.1; done"
          )
        }
        let run = try container.start(foreground: terminal)
        var text = terminal.read(until: "33 101", timeout: 240)
        #expect(text.contains("33 101"), "the size is that of the caller's terminal: \(text)")
        #expect(ch_is_raw(terminal.slave) == 1)
        terminal.write("typed\r")
        text = terminal.read(until: "got:typed", timeout: 240)
        #expect(text.contains("got:typed"), "\(text)")
        _ = ch_set_window(terminal.master, 44, 122)
        text = terminal.read(until: "44 122", timeout: 240)
        #expect(text.contains("44 122"), "\(text)")
        #expect(try run.finish(timeout: 240).code == 6)
        #expect(ch_is_raw(terminal.slave) == 0)
      }
    }
  }
}
