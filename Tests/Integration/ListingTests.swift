import Foundation
import Harness
import Testing

/// list, ps, spec, features, the global options.
@Suite(.root) struct Listing {
  @Test func listInEveryFormat() throws {
    try withSandbox { box in
      let one = try box.running()
      let two = try box.container()
      try two.create().ok("create")

      let quiet = try box.swrun("list", "--quiet").ok("list -q")
      #expect(Set(quiet.lines) == [one.id, two.id])

      let table = try box.swrun("list").ok("list")
      #expect(table.lines.count == 3)
      #expect(table.lines[0].contains("PID") && table.lines[0].contains("STATUS"))
      let row = table.lines.first { $0.contains(one.id) } ?? ""
      #expect(row.contains("running") && row.contains(one.bundle))
      #expect(row.contains(String(try one.pid())))

      let json = try box.swrun("list", "--format", "json").ok("list json")
      let rows = try JSONSerialization.jsonObject(with: Data(json.out.utf8)) as? [[String: Any]]
      let states = Dictionary(
        uniqueKeysWithValues: (rows ?? []).map {
          ($0["id"] as? String ?? "", $0["status"] as? String ?? "")
        })
      #expect(states == [one.id: "running", two.id: "created"])
    }
  }

  @Test func listOfNothing() throws {
    try withSandbox { box in
      let quiet = try box.swrun("list", "-q").ok("list of a root that does not exist")
      #expect(quiet.out == "")
    }
  }

  @Test func psShowsTheProcessesOfTheContainer() throws {
    try withSandbox { box in
      let container = try box.running { $0.sh("sleep 1001 & echo up; wait") }
      #expect(container.waitsForOutput("up"))
      let json = try box.swrun("ps", "--format", "json", container.id).ok("ps json")
      let pids = try JSONDecoder().decode([Int32].self, from: Data(json.out.utf8))
      #expect(pids.count == 2)
      #expect(pids.contains(try container.pid()))
      let table = try box.swrun("ps", container.id).ok("ps")
      #expect(table.lines.first?.contains("PID") == true)
      if Runtime.kind != .crun { #expect(table.out.contains("sleep 1001")) }
    }
  }

  @Test func specWritesADefaultConfigThatRuns() throws {
    try withSandbox { box in
      let container = try box.container()
      try FileManager.default.removeItem(atPath: "\(container.bundle)/config.json")
      try box.spawn(["spec"], directory: container.bundle).finish().ok("spec")
      var config = try read("\(container.bundle)/config.json")
      #expect(config["process.terminal"] as? Bool == true)
      #expect(config["process.args"] as? [String] == ["sh"])
      #expect(config["root.readonly"] as? Bool == true)
      #expect(config.mounts.count == 7)
      #expect(config.namespaces.count >= 5)
      config["process.terminal"] = false
      config.sh("exit 9")
      container.config = config
      try container.write()
      #expect(try container.run().code == 9)
      let again = try box.spawn(["spec"], directory: container.bundle).finish()
      if Runtime.kind != .crun { #expect(again.code != 0, "spec must not overwrite a config.json") }
    }
  }

  /// The default config is equal in meaning to runc's.
  @Test(.swrunOnly, .program("runc")) func specEqualsThatOfRunc() throws {
    try withSandbox { box in
      for options in [[], ["--rootless"]] {
        var configs: [Config] = []
        for (name, runtime) in [("ours", nil), ("theirs", Runtime.command(.runc))] {
          let directory = box.path("\(name)\(options.count)")
          try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true)
          try box.spawn(["spec"] + options, runtime: runtime, directory: directory).finish().ok()
          configs.append(try read("\(directory)/config.json"))
        }
        for index in configs.indices {
          // Names of the program and of the specification's version.
          configs[index]["hostname"] = nil
          configs[index]["ociVersion"] = nil
          // Ambient capabilities without inheritable ones have no effect (CVE-2022-29162).
          configs[index]["process.capabilities.ambient"] = nil
        }
        #expect(
          NSDictionary(dictionary: configs[0].json) == NSDictionary(dictionary: configs[1].json),
          "\(options)\n\(String(decoding: configs[0].data, as: UTF8.self))")
      }
    }
  }

  @Test(.not(.crun, because: "crun 1.8.1 has no features")) func featuresIsJSONOfTheSpecification()
    throws
  {
    try withSandbox { box in
      let text = try box.swrun("features").ok("features").out
      let features = Config(
        try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:])
      #expect((features["ociVersionMin"] as? String ?? "").hasPrefix("1.0"))
      #expect((features["hooks"] as? [String] ?? []).contains("createRuntime"))
      #expect((features["mountOptions"] as? [String] ?? []).contains("rbind"))
      #expect((features["linux.namespaces"] as? [String] ?? []).contains("user"))
      #expect((features["linux.capabilities"] as? [String] ?? []).contains("CAP_SYS_ADMIN"))
      #expect(features["linux.seccomp.enabled"] as? Bool == true)
      #expect(features["linux.cgroup.v1"] as? Bool == true)
    }
  }

  @Test func versionAndHelp() throws {
    try withSandbox { box in
      let version = try Child([Runtime.path, "--version"], environment: box.environment).finish()
      #expect(version.code == 0)
      #expect(version.out.contains(Runtime.kind.rawValue))
      let help = try Child([Runtime.path, "--help"], environment: box.environment).finish()
      #expect(help.code == 0)
      for verb in ["create", "start", "state", "kill", "delete", "exec", "run"] {
        #expect(help.out.contains(verb))
      }
    }
  }

  @Test func errorsGoToTheLogAsJSON() throws {
    try withSandbox { box in
      let log = box.path("log")
      let result = try box.swrun("--log", log, "--log-format", "json", "state", "no-such-id")
      #expect(result.code != 0)
      let line = (Machine.read(log) ?? "").split(separator: "\n").last ?? ""
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
      #expect(object?["level"] == "error")
      #expect(object?["msg"]?.isEmpty == false)
      #expect(object?["time"]?.isEmpty == false)
    }
  }

  @Test func debugSaysMore() throws {
    try withSandbox { box in
      let container = try box.container { $0.sh("exit 4") }
      let result = try box.spawn(["--debug", "run", "-b", container.bundle, container.id]).finish()
      #expect(result.code == 4)
      #expect(!result.err.isEmpty)
    }
  }

  private func read(_ path: String) throws -> Config {
    let data = Data((Machine.read(path) ?? "").utf8)
    return Config(try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:])
  }
}
