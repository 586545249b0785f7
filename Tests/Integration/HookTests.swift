import Foundation
import Harness
import Testing

/// The six kinds of hooks: when, where, with what, and what their failure does.
@Suite(.root) struct Hooks {
  static let kinds = [
    "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
  ]

  @Test(.not(.runc, because: "runc 1.1.5 runs poststart with create"))
  func everyKindRunsOnceInOrder() throws {
    try withSandbox { box in
      let container = try container(box) { kind in "echo \(kind) >> $LOG" }
      try container.create().ok("create")
      #expect(log(box) == ["prestart", "createRuntime", "createContainer"])
      try container.start().ok("start")
      #expect(container.waits(for: "stopped"))
      #expect(
        log(box) == ["prestart", "createRuntime", "createContainer", "startContainer", "poststart"])
      try container.delete().ok("delete")
      #expect(log(box) == Self.kinds)
    }
  }

  @Test(.not(.runc, because: "runc 1.1.5 runs poststart with create"))
  func runCallsThemAll() throws {
    try withSandbox { box in
      let container = try container(box) { kind in "echo \(kind) >> $LOG" }
      #expect(try container.run().code == 0)
      #expect(log(box) == Self.kinds)
    }
  }

  @Test(.not(.crun, because: "crun 1.8.1 has pid 0 and the bundle / inside the container"))
  func theStateIsOnStandardInput() throws {
    try withSandbox { box in
      let container = try container(box) { kind in "cat > $LOG.\(kind)" }
      try container.run().ok("run")
      let status = [
        "prestart": ["creating", "created"], "createRuntime": ["creating", "created"],
        "createContainer": ["creating", "created"],
        "startContainer": ["created", "starting", "creating"],
        "poststart": ["running"], "poststop": ["stopped"],
      ]
      for kind in Self.kinds {
        let text = Machine.read(box.path("log.\(kind)")) ?? ""
        let state =
          try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
        #expect(state["id"] as? String == container.id, "\(kind)")
        #expect(state["bundle"] as? String == container.bundle, "\(kind)")
        #expect((state["ociVersion"] as? String)?.hasPrefix("1.") == true, "\(kind)")
        let found = state["status"] as? String ?? "none"
        if Runtime.isSwrun { #expect(status[kind]!.contains(found), "\(kind): \(found)") }
        if kind != "poststop" { #expect((state["pid"] as? Int ?? 0) > 0, "\(kind)") }
      }
    }
  }

  @Test func theNamespacesOfEachKind() throws {
    try withSandbox { box in
      let container = try container(box) { kind in
        "echo $(readlink /proc/self/ns/mnt) $(readlink /proc/self/ns/uts) $(readlink /proc/self/ns/pid) > $LOG.\(kind)"
      }
      try container.run().ok("run")
      func namespaces(_ kind: String) -> [Substring] {
        (Machine.read(box.path("log.\(kind)")) ?? "").split(whereSeparator: \.isWhitespace)
      }
      // crun's wrapper here gives the runtime a mount namespace of its own.
      let skip = Runtime.kind == .crun && Machine.cgroups == .hybrid ? 1 : 0
      let own = ["mnt", "uts", "pid"].map { ProcessView(getpid()).namespace($0) ?? "" }
      for kind in ["prestart", "createRuntime", "poststart", "poststop"] {
        #expect(
          namespaces(kind).map(String.init).dropFirst(skip) == own.dropFirst(skip), "\(kind)")
      }
      for kind in ["createContainer", "startContainer"] {
        let found = namespaces(kind).map(String.init)
        #expect(found.count == 3 && found[0] != own[0] && found[1] != own[1], "\(kind): \(found)")
      }
    }
  }

  @Test func createContainerSeesTheHostsRootAndStartContainerTheContainers() throws {
    try withSandbox { box in
      let container = try container(box, ["createContainer", "startContainer"]) { kind in
        "(ls -d /bundle-log /work /proc/sys /only-inside; echo end) > $LOG.\(kind) 2>/dev/null"
      }
      try container.put("only-inside", "")
      try container.run().ok("run")
      let before = Machine.read(box.path("log.createContainer")) ?? ""
      let after = Machine.read(box.path("log.startContainer")) ?? ""
      #expect(!before.contains("/only-inside") && before.contains("end"))
      #expect(after.contains("/only-inside") && after.contains("end"))
    }
  }

  @Test func argumentsAndEnvironmentAreExact() throws {
    try withSandbox { box in
      let container = try box.container {
        $0["hooks.createRuntime"] = [
          [
            "path": "/bin/sh",
            "args": [
              "zero", "-c", "echo $0 $1 > \(box.path("log")); env > \(box.path("env"))", "first",
              "second",
            ],
            "env": ["ONLY=this"],
          ] as [String: Any]
        ]
      }
      let result = try box.spawn(
        ["run", "-b", container.bundle, container.id], environment: ["LEAK": "x"]
      ).finish()
      try result.ok("run")
      #expect(log(box) == ["first second"])
      let environment = Machine.read(box.path("env")) ?? ""
      #expect(environment.contains("ONLY=this") && !environment.contains("LEAK="), "\(environment)")
    }
  }

  @Test(arguments: ["prestart", "createRuntime", "createContainer", "startContainer"])
  func aFailureBeforeTheProcessEndsTheContainer(kind: String) throws {
    try withSandbox { box in
      let container = try container(box, [kind]) { _ in "exit 3" }
      container.config.append("hooks.poststop", hook("echo poststop >> $LOG", box))
      container.config.sh("echo must not run")
      try container.write()
      let result = try container.run()
      refused(result, saying: [kind])
      #expect(!result.out.contains("must not run"))
      #expect(!container.hasState)
    }
  }

  @Test(arguments: ["poststart", "poststop"])
  func aFailureAfterwardsIsAWarning(kind: String) throws {
    try withSandbox { box in
      let container = try container(box, [kind]) { _ in "exit 3" }
      container.config.sh("exit 5")
      try container.write()
      let result = try container.run()
      // runc ends the container when a poststart hook fails; the specification has it go on.
      if Runtime.isSwrun || kind == "poststop" { #expect(result.code == 5, "\(result)") }
      if Runtime.isSwrun { #expect(result.err.contains(kind), "the failure is logged: \(result)") }
    }
  }

  @Test(arguments: ["prestart", "createRuntime"]) func aTimeoutIsAFailure(kind: String) throws {
    try withSandbox { box in
      let container = try box.container {
        var slow = hook("exec sleep 30", box)
        slow["timeout"] = 1
        $0["hooks.\(kind)"] = [slow]
      }
      let begun = Date()
      let result = try container.run()
      refused(result)
      #expect(Date().timeIntervalSince(begun) < 15)
    }
  }

  @Test func severalOfAKindRunInOrder() throws {
    try withSandbox { box in
      let container = try box.container {
        $0["hooks.createRuntime"] = (1...4).map { hook("echo \($0) >> $LOG", box) }
      }
      try container.run().ok("run")
      #expect(log(box) == ["1", "2", "3", "4"])
    }
  }

  @Test func aMissingHookIsNamed() throws {
    try withSandbox { box in
      let result = try box.run { $0["hooks.createRuntime"] = [["path": "/no/such/hook"]] }
      refused(result, saying: ["/no/such/hook"])
    }
  }

  @Test func theCgroupExistsWhenCreateRuntimeRuns() throws {
    try withSandbox { box in
      let container = try container(box, ["createRuntime"]) { _ in
        "pid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/' | tr -d '\\n'); cat /proc/$pid/cgroup > $LOG"
      }
      try container.run().ok("run")
      #expect(
        log(box).contains {
          // The line of the pids hierarchy, or the only one of v2.
          ($0.contains("pids:") || $0.hasPrefix("0::")) && $0.contains(container.id)
        }, "\(log(box))")
    }
  }

  private func hook(_ script: String, _ box: Sandbox) -> [String: Any] {
    [
      "path": "/bin/sh", "args": ["sh", "-c", script],
      "env": ["PATH=/usr/bin:/bin", "LOG=\(box.path("log"))", "SWRUN_TEST=\(box.tag)"],
    ]
  }

  /// A container with one hook of each kind; startContainer finds the log at the host's path too.
  private func container(
    _ box: Sandbox, _ kinds: [String] = Hooks.kinds, _ script: (String) -> String
  ) throws -> Container {
    try box.container {
      $0.bind(box.directory, box.directory)
      for kind in kinds { $0["hooks.\(kind)"] = [hook(script(kind), box)] }
    }
  }

  private func log(_ box: Sandbox) -> [String] {
    (Machine.read(box.path("log")) ?? "").split(separator: "\n").map(String.init)
  }
}
