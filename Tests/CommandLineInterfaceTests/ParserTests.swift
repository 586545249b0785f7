import CommandLineInterface
import Linux
import Testing

@Suite struct ParserTests {
  private func arguments(_ words: String...) throws -> Arguments {
    guard case .run(let arguments) = try Parser.parse(words) else {
      throw RuntimeError("no verb to run in \(words)")
    }
    return arguments
  }

  private func message(_ words: String...) -> String {
    do throws(RuntimeError) {
      _ = try Parser.parse(words)
      return ""
    } catch {
      #expect(error.exitCode == 1)
      return error.description
    }
  }

  @Test func everySpellingOfAValue() throws {
    for words in [
      ["--bundle", "/b"], ["--bundle=/b"], ["-bundle", "/b"], ["-bundle=/b"], ["-b", "/b"],
      ["-b=/b"], ["-b/b"],
    ] {
      guard case .run(let parsed) = try Parser.parse(["create"] + words + ["c1"]) else {
        Issue.record("no verb in \(words)")
        continue
      }
      #expect(parsed[.bundle] == "/b", "\(words)")
      #expect(parsed.operands == ["c1"])
    }
  }

  @Test func everySpellingOfAFlag() throws {
    for word in ["--detach", "-detach", "-d", "--detach=true", "-d=1", "--detach=T"] {
      #expect(try arguments("run", word, "c1").has(.detach), "\(word)")
    }
    for word in ["--detach=false", "-d=0", "--detach=F"] {
      #expect(try !arguments("run", word, "c1").has(.detach), "\(word)")
    }
    #expect(try !arguments("run", "--detach", "--detach=false", "c1").has(.detach))
    #expect(
      message("run", "--detach=maybe", "c1") == "--detach: expected true or false, found \"maybe\"")
  }

  @Test func lettersInAGroup() throws {
    let parsed = try arguments("exec", "-tdeA=B", "-u", "1:2", "-c=CAP_KILL", "c1", "id")
    #expect(parsed.has(.tty) && parsed.has(.detach))
    #expect(parsed.all(.env) == ["A=B"])
    #expect(parsed[.user] == "1:2")
    #expect(parsed.all(.cap) == ["CAP_KILL"])
  }

  @Test func aLongNameWithOneDashIsNoGroup() throws {
    // -all would be the letters a, l, l.
    #expect(try arguments("kill", "-all", "c1").has(.all))
    #expect(try arguments("exec", "-env", "A=B", "c1", "id").all(.env) == ["A=B"])
  }

  @Test func optionsBehindOperands() throws {
    let parsed = try arguments("delete", "c1", "--force")
    #expect(parsed.id == "c1" && parsed.has(.force))
    #expect(try arguments("kill", "c1", "KILL", "-a").operands == ["c1", "KILL"])
  }

  @Test func execStopsAtTheId() throws {
    let parsed = try arguments("exec", "-t", "c1", "ls", "-t", "--", "--all")
    #expect(parsed.operands == ["c1", "ls", "-t", "--", "--all"])
    #expect(try arguments("exec", "c1", "--", "ls", "--").operands == ["c1", "ls", "--"])
    #expect(try arguments("exec", "--", "c1", "-x").operands == ["c1", "-x"])
    #expect(try arguments("ps", "c1", "-ef").operands == ["c1", "-ef"])
  }

  @Test func runTakesACommandWithRootfsAlone() throws {
    let parsed = try arguments("run", "--rootfs", "/r", "c1", "--", "ls", "-l")
    #expect(parsed.operands == ["c1", "ls", "-l"])
    #expect(
      try arguments("run", "--rootfs", "/r", "c1", "ls", "-l").operands == ["c1", "ls", "-l"])
    #expect(try arguments("run", "c1", "--rootfs", "/r", "--", "ls").operands == ["c1", "ls"])
    #expect(message("run", "--rootfs", "/r", "c1").hasPrefix("run: COMMAND is missing"))
    #expect(message("run", "c1", "ls").hasPrefix("run: unexpected argument \"ls\""))
  }

  @Test func globalOptionsBeforeAndBehindTheVerb() throws {
    let parsed = try arguments(
      "--root", "/r", "-log=/l", "--systemd-cgroup", "state", "--log-format", "json", "c1")
    #expect(parsed[.root] == "/r")
    #expect(parsed[.log] == "/l")
    #expect(parsed.has(.systemdCgroup))
    #expect(parsed[.logFormat] == "json")
    // What the verb calls the same is the verb's.
    #expect(try arguments("--debug", "list", "-f", "json")[.format] == "json")
  }

  @Test func helpAndVersion() throws {
    for word in ["--help", "-h", "-?", "-help"] {
      guard case .help(nil) = try Parser.parse([word]) else {
        Issue.record("\(word)")
        continue
      }
      guard case .help(.state) = try Parser.parse(["state", "c1", word]) else {
        Issue.record("state \(word)")
        continue
      }
    }
    for word in ["--version", "-v", "-V"] {
      guard case .version = try Parser.parse([word]) else {
        Issue.record("\(word)")
        continue
      }
    }
    guard case .help(.kill) = try Parser.parse(["help", "kill"]),
      case .help(nil) = try Parser.parse([]),
      case .usage(.run) = try Parser.parse(["run", "--usage"])
    else {
      Issue.record("help VERB")
      return
    }
    // The process's own options are not ours.
    #expect(try arguments("exec", "c1", "ls", "--help").operands == ["c1", "ls", "--help"])
  }

  @Test func faultsNameTheOption() {
    #expect(message("state") == "state: ID is missing (see 'swrun state --help')")
    #expect(message("state", "--nope", "c1").hasPrefix("state: unknown option --nope"))
    #expect(message("state", "--nope=secret", "c1").hasPrefix("state: unknown option --nope ("))
    #expect(message("--nope").hasPrefix("unknown option --nope"))
    #expect(message("exec", "-tx", "c1").hasPrefix("exec: unknown option -tx"))
    #expect(message("create", "c1", "--bundle") == "--bundle needs a value (DIR)")
    #expect(message("list", "--format", "xml") == "--format: expected table|json, found \"xml\"")
    #expect(message("list", "c1").hasPrefix("list: unexpected argument \"c1\""))
    #expect(message("start", "a", "b").hasPrefix("start: unexpected argument \"b\""))
    #expect(message("frobnicate").hasPrefix("unknown command \"frobnicate\""))
    #expect(message("checkpoint", "c1").contains("not supported"))
    #expect(message("--cgroup-manager", "x", "list").contains("cgroupfs|systemd|disabled"))
  }

  @Test func repeatedOptions() throws {
    let parsed = try arguments(
      "exec", "-e", "A=1", "--env=B=2", "--cwd", "/a", "--cwd", "/b", "c1", "x")
    #expect(parsed.all(.env) == ["A=1", "B=2"])
    #expect(parsed[.cwd] == "/b")
  }

  @Test func numbersAreReadWhole() throws {
    #expect(
      try arguments("run", "--preserve-fds", "3", "c1").integer(.preserveFDs, in: 0...100) == 3)
    for text in ["3x", "", "-1", "+3", " 3", "101", "99999999999999999999"] {
      let parsed = try arguments("run", "--preserve-fds", text, "c1")
      #expect(throws: RuntimeError.self, "\(text)") {
        try parsed.integer(.preserveFDs, in: 0...100)
      }
    }
  }

  @Test func loggingIsFoundInABrokenLine() {
    let logging = Parser.loggingOptions(["--log", "/l", "--log-format=json", "--bad", "state"])
    #expect(logging.file == "/l" && logging.format == "json")
    // Behind the verb the words may belong to a command.
    #expect(Parser.loggingOptions(["exec", "c1", "x", "--log", "/etc/passwd"]).file == nil)
  }

  @Test func theTableHasNoNameTwice() {
    for verb in Verb.allCases {
      let row = Table.description(of: verb)
      #expect(row.verb == verb)
      #expect(Set(row.options.map(\.name)).count == row.options.count, "\(verb)")
      let letters = row.options.compactMap(\.short)
      #expect(Set(letters).count == letters.count, "\(verb)")
      for option in row.options {
        #expect(!option.help.description.hasSuffix("."), "\(option.name)")
      }
    }
  }
}
