import JSON
import OCISpec
import Testing

/// What a faulty configuration is refused with; records an issue when it is accepted.
func fault(
  _ text: String, sourceLocation: SourceLocation = #_sourceLocation
) -> String {
  do {
    _ = try Spec(parsing: Array(text.utf8))
    Issue.record("accepted: \(text.prefix(400))", sourceLocation: sourceLocation)
    return ""
  } catch { return error.description }
}

/// The smallest configuration, with members added to its objects.
func config(_ top: String = "", process: String = "", linux: String = "") -> String {
  let linuxMembers = linux.isEmpty ? "" : ", \"linux\": {\(linux)}"
  let topMembers = top.isEmpty ? "" : ", " + top
  return #"{"ociVersion": "1.0.2", "process": {"cwd": "/", "args": ["sh"]"#
    + (process.isEmpty ? "" : ", " + process) + #"}, "root": {"path": "rootfs"}"#
    + linuxMembers + topMembers + "}"
}

func parse(_ text: String) throws(SpecError) -> Spec { try Spec(parsing: Array(text.utf8)) }

@Suite struct SpecTests {
  @Test func everyPropertyIsKept() throws {
    #expect(try Spec(parsing: CompleteConfig.bytes) == CompleteConfig.value)
  }

  @Test(arguments: [nil, "\t", "  "]) func everyPropertyIsWritten(indent: String?) throws {
    let text = CompleteConfig.value.encoded(indent: indent)
    #expect(try Spec(parsing: text) == CompleteConfig.value)
  }

  @Test func absentIsNilOrEmpty() throws {
    let spec = try parse(config())
    #expect(
      spec
        == Spec(
          ociVersion: "1.0.2", process: Spec.Process(args: ["sh"], cwd: "/"),
          root: Spec.Root(path: "rootfs")))
    #expect(spec.linux == Spec.Linux())
    #expect(spec.process?.user == Spec.Process.User(uid: 0, gid: 0))
    #expect(spec.process?.capabilities == nil)
  }

  @Test func nullIsAbsent() throws {
    let spec = try parse(
      config(
        #""mounts": null, "hooks": null, "annotations": null, "hostname": null, "vm": null"#,
        process: #""env": null, "capabilities": null, "user": null, "oomScoreAdj": null"#,
        linux: #""namespaces": null, "resources": null, "seccomp": null, "sysctl": null"#))
    #expect(spec == (try parse(config())))
  }

  @Test func emptyStringsThatMeanAbsentAreNil() throws {
    let spec = try parse(
      config(
        #""hostname": """#, process: #""apparmorProfile": "", "selinuxLabel": """#,
        linux: #""cgroupsPath": "", "rootfsPropagation": "", "mountLabel": """#))
    #expect(spec == (try parse(config())))
  }

  @Test func unknownMembersAreIgnored() throws {
    let spec = try parse(
      config(
        #""x": {"y": [1, {"z": null}], "deep": "\u0000"}"#, process: #""x-y": 1.5e3"#,
        linux: #""a name that is longer than every name of the specification": [[]]"#))
    #expect(spec == (try parse(config())))
  }

  @Test func capabilitySetsTellAbsentFromEmpty() throws {
    let spec = try parse(config(process: #""capabilities": {"bounding": []}"#))
    #expect(spec.process?.capabilities == .init(bounding: []))
    #expect(spec.process?.capabilities?.effective == nil)
  }

  @Test func seccompFlagsTellAbsentFromEmpty() throws {
    let absent = try parse(config(linux: #""seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}"#))
    let empty = try parse(
      config(linux: #""seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "flags": []}"#))
    #expect(absent.linux.seccomp?.flags == nil)
    #expect(empty.linux.seccomp?.flags == [])
  }

  @Test func theLastOfDuplicateMembersWins() throws {
    let spec = try parse(
      config(
        #""hostname": "a", "hostname": "b", "linux": {"namespaces": [{"type": "uts"}]}, "#
          + #""mounts": [{"destination": "/a"}], "mounts": []"#))
    #expect(spec.hostname == "b")
    #expect(spec.mounts.isEmpty)
  }

  @Test func faultsNamePlaceAndReason() {
    let text = """
      {
        "ociVersion": "1.0.2",
        "process": {
          "cwd": "/",
          "user": {
            "gid": 0,
            "uid": "root"
          }
        }
      }
      """
    #expect(
      fault(text)
        == #"config.json:7: process.user.uid: expected an unsigned integer, found "root""#)
  }

  @Test func brokenRulesNameTheLineToo() {
    let text = """
      {
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs"},
        "process": {
          "cwd": "/",
          "args": ["sh"],
          "oomScoreAdj": 1001
        }
      }
      """
    #expect(
      fault(text)
        == "config.json:7: process.oomScoreAdj: expected -1000 to 1000, found 1001")
  }

  @Test func missingMembersAreNamed() {
    #expect(
      fault(#"{"ociVersion": "1.0.2", "process": {}}"#)
        == "config.json:1: process.cwd: is missing")
    #expect(fault(config(#""mounts": [{}]"#)).hasSuffix("mounts[0].destination: is missing"))
    #expect(fault("{}").hasSuffix("ociVersion: is missing"))
    #expect(
      fault(#"{"ociVersion": "1.0.2", "root": {"path": "x"}}"#).hasSuffix("process: is missing"))
    #expect(
      fault(#"{"ociVersion": "1.0.2", "process": {"cwd": "/", "args": ["x"]}}"#)
        .hasSuffix("root: is missing"))
  }

  @Test func onlyAWholeDocumentIsAccepted() {
    #expect(fault("") == "config.json:1: expected an object, found the end of the file")
    #expect(fault("[]") == "config.json:1: expected an object, found an array")
    #expect(fault(config() + "\n{}").hasSuffix("expected the end of the file, found an object"))
    #expect(fault("\u{FEFF}" + config()).contains("byte order mark"))
  }

  @Test func valuesMadeInCodeAreChecked() {
    var spec = Spec.standard()
    #expect(throws: Never.self) { try spec.validate() }
    spec.process?.cwd = "tmp"
    #expect(
      throws: SpecError(path: "process.cwd", reason: "\"tmp\" is not an absolute path")
    ) { try spec.validate() }
  }
}

@Suite struct OtherDocumentTests {
  @Test func processOfExec() throws {
    let process = try Spec.Process(
      parsing: Array(#"{"cwd": "/tmp", "args": ["ls"], "user": {"uid": 7}}"#.utf8),
      file: "process.json")
    #expect(process == Spec.Process(user: .init(uid: 7), args: ["ls"], cwd: "/tmp"))
    let sleep = try Spec.Process(
      parsing: Array(#"{"cwd": "/", "args": ["sleep", 60, -1]}"#.utf8), file: "process.json")
    #expect(sleep.args == ["sleep", "60", "-1"])
    #expect(
      throws: SpecError(file: "process.json", line: 2, path: "args", reason: "is empty")
    ) {
      try Spec.Process(parsing: Array("{\"cwd\": \"/\",\n\"args\": []}".utf8), file: "process.json")
    }
  }

  @Test func resourcesOfUpdate() throws {
    let resources = try Spec.Linux.Resources(
      parsing: Array(#"{"memory": {"limit": 7}, "pids": {"limit": -1}}"#.utf8))
    #expect(
      resources == Spec.Linux.Resources(memory: .init(limit: 7), pids: .init(limit: -1)))
  }

  @Test func state() throws {
    let state = State(
      ociVersion: "1.2.0", id: "box", status: .running, pid: 4422, bundle: "/b",
      annotations: ["b": "2", "a": "1\u{0}"])
    let text = String(decoding: state.encoded(indent: "  "), as: UTF8.self)
    #expect(
      text == """
        {
          "ociVersion": "1.2.0",
          "id": "box",
          "status": "running",
          "pid": 4422,
          "bundle": "/b",
          "annotations": {
            "a": "1\\u0000",
            "b": "2"
          }
        }
        """)
    #expect(try State(parsing: Array(text.utf8), file: "state.json") == state)
    #expect(throws: SpecError.self) { try State(parsing: Array("{}".utf8), file: "state.json") }
  }

  @Test func features() throws {
    let features = Features(
      ociVersionMin: "1.0.0", ociVersionMax: "1.2.1", hooks: ["prestart"], mountOptions: ["ro"],
      linux: .init(
        namespaces: ["pid"], capabilities: ["CAP_KILL"],
        cgroup: .init(v1: true, v2: true, systemd: false, systemdUser: false, rdma: true),
        seccomp: .init(
          enabled: true, actions: ["SCMP_ACT_LOG"], operators: ["SCMP_CMP_EQ"],
          archs: ["SCMP_ARCH_X86"], knownFlags: ["SECCOMP_FILTER_FLAG_LOG"], supportedFlags: []),
        apparmor: .init(enabled: true), selinux: .init(enabled: false),
        intelRdt: .init(enabled: true, schemata: true, monitoring: false),
        memoryPolicy: .init(modes: ["MPOL_BIND"], flags: []),
        mountExtensions: .init(idmap: .init(enabled: true)), netDevices: .init(enabled: false)),
      annotations: ["dev.swrun.version": "0.1"],
      potentiallyUnsafeConfigAnnotations: ["dev.swrun."])
    let text = String(decoding: features.encoded(), as: UTF8.self)
    #expect(
      text == #"{"ociVersionMin":"1.0.0","ociVersionMax":"1.2.1","hooks":["prestart"],"#
        + #""mountOptions":["ro"],"linux":{"namespaces":["pid"],"capabilities":["CAP_KILL"],"#
        + #""cgroup":{"v1":true,"v2":true,"systemd":false,"systemdUser":false,"rdma":true},"#
        + #""seccomp":{"enabled":true,"actions":["SCMP_ACT_LOG"],"operators":["SCMP_CMP_EQ"],"#
        + #""archs":["SCMP_ARCH_X86"],"knownFlags":["SECCOMP_FILTER_FLAG_LOG"],"#
        + #""supportedFlags":[]},"apparmor":{"enabled":true},"selinux":{"enabled":false},"#
        + #""intelRdt":{"enabled":true,"schemata":true,"monitoring":false},"#
        + #""memoryPolicy":{"modes":["MPOL_BIND"],"flags":[]},"#
        + #""mountExtensions":{"idmap":{"enabled":true}},"netDevices":{"enabled":false}},"#
        + #""annotations":{"dev.swrun.version":"0.1"},"#
        + #""potentiallyUnsafeConfigAnnotations":["dev.swrun."]}"#)
    #expect(try Features(parsing: Array(text.utf8), file: "features.json") == features)
  }
}
