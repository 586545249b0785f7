import CommandLineInterface
import Foundation
import Harness
import Testing

@Suite struct GeneratedTests {
  @Test(arguments: Verb.allCases) func helpNamesEveryOption(_ verb: Verb) {
    let help = Help.text(verb)
    for option in Table.description(of: verb).options {
      #expect(help.contains("--\(option.name.rawValue)"))
      if let short = option.short { #expect(help.contains("-\(short), --\(option.name.rawValue)")) }
    }
    for line in help.split(separator: "\n") { #expect(line.count <= 96, "\(line)") }
    #expect(Help.usage(verb).hasPrefix("Usage: swrun \(verb.rawValue)"))
  }

  @Test func helpNamesEveryVerb() {
    let help = Help.text(nil)
    for verb in Verb.allCases {
      #expect(help.contains("\n  \(verb.rawValue) ") == !verb.isHidden, "\(verb)")
    }
    for option in Table.global { #expect(help.contains("--\(option.name.rawValue)")) }
  }

  /// Every option of every verb is in every script, in the shell's way to write it.
  @Test(arguments: Completion.allCases) func completionNamesEveryOption(_ shell: Completion) {
    let script = shell.text()
    for verb in Verb.allCases where !verb.isHidden {
      #expect(script.contains(verb.rawValue))
      for option in Table.description(of: verb).options {
        let name = option.name.rawValue
        #expect(script.contains(shell == .fish ? "-l \(name)" : "--\(name)"), "\(verb) \(name)")
      }
    }
  }

  /// The shell itself reads the script, where it is installed.
  @Test(arguments: Completion.allCases) func completionIsValid(_ shell: Completion) throws {
    guard let program = find(shell.rawValue) else { return }
    let result = try run(program, ["-n"], file: shell.text())
    #expect(result.status == 0)
    #expect(result.output == "")
  }

  /// What bash offers is what the table has.
  @Test func bashCompletes() throws {
    guard let bash = find("bash") else { return }
    let cases: [(line: [String], expected: [String])] = [
      (["swrun", "sta"], ["start", "state"]),
      (["swrun", "--log-format", ""], ["text", "json"]),
      (["swrun", "--root", "/x", "pau"], ["pause"]),
      (["swrun", "run", "--isolation", "v"], ["vm"]),
      (["swrun", "delete", "--f"], ["--force"]),
      (["swrun", "create", "--pid"], ["--pid-file", "--pidfd-socket"]),
      (["swrun", "list", "-f", "t"], ["table"]),
      (["swrun", "help", "feat"], ["features"]),
    ]
    for (line, expected) in cases {
      let words = line.map { "'\($0)'" }.joined(separator: " ")
      let script = """
        \(Completion.bash.text())
        COMP_WORDS=(\(words)); COMP_CWORD=\(line.count - 1)
        _swrun
        printf '%s\\n' "${COMPREPLY[@]}"
        """
      let result = try run(bash, [], file: script)
      #expect(result.output.split(separator: "\n").map(String.init) == expected, "\(line)")
    }
  }

  @Test func manualIsValid() throws {
    let page = Manual.text()
    for verb in Verb.allCases where !verb.isHidden {
      #expect(page.contains(".SS \"swrun \(verb.rawValue)"))
    }
    guard let groff = find("groff") else { return }
    let result = try run(groff, ["-man", "-ww", "-z", "-Tutf8", "-k"], file: page)
    #expect(result.status == 0)
    #expect(result.output == "")
  }

  private func find(_ program: String) -> String? {
    ["/usr/bin/\(program)", "/bin/\(program)"].first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }

  private func run(
    _ program: String, _ arguments: [String], file text: String
  ) throws -> (status: Int32, output: String) {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try text.write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    let result = try Child(
      [program] + arguments + [file.path], environment: ProcessInfo.processInfo.environment
    ).finish()
    return (result.code, result.out + result.err)
  }
}
