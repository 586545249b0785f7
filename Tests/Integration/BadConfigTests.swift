import Foundation
import Harness
import Testing

/// Faults of config.json, and of the machine: refused before anything is made.
@Suite(.root) struct BadConfig {
  static let faults: [(String, String, @Sendable (inout Config) -> Void)] = [
    ("a name for a number", "process.user.uid", { $0["process.user.uid"] = "root" }),
    ("a negative uid", "process.user.uid", { $0["process.user.uid"] = -1 }),
    ("a uid too large", "process.user.uid", { $0["process.user.uid"] = 4_294_967_296 }),
    ("no arguments", "process.args", { $0["process.args"] = [String]() }),
    ("no process", "process", { $0["process"] = nil }),
    ("a relative cwd", "process.cwd", { $0["process.cwd"] = "tmp" }),
    ("no root", "root", { $0["root"] = nil }),
    ("an unknown namespace", "linux.namespaces[5]", { $0.namespace("nosuch") }),
    (
      "an unknown limit", "RLIMIT_NOSUCH",
      {
        $0["process.rlimits"] = [["type": "RLIMIT_NOSUCH", "soft": 1, "hard": 1] as [String: Any]]
      }
    ),
    (
      "a mount without a destination", "mounts[7]",
      {
        $0.mounts.append(["type": "tmpfs", "source": "tmpfs"])
      }
    ),
    ("a bind of nothing", "mounts[7]", { $0.bind("/no/such/source", "/mnt") }),
    ("an unknown filesystem", "mounts[7]", { $0.mount("/mnt", type: "nosuchfs", source: "x") }),
    ("a mount over /proc/self", "mounts[7]", { $0.tmpfs("/proc/self") }),
    (
      "an unknown device type", "linux.devices[0]",
      {
        $0["linux.devices"] = [
          ["path": "/dev/x", "type": "q", "major": 1, "minor": 1] as [String: Any]
        ]
      }
    ),
    (
      "mappings without a user namespace", "uidMappings",
      {
        $0["linux.uidMappings"] = [["containerID": 0, "hostID": 0, "size": 1]]
      }
    ),
    (
      "an unknown seccomp action", "linux.seccomp",
      {
        $0["linux.seccomp"] = ["defaultAction": "SCMP_ACT_NOSUCH"]
      }
    ),
    ("an unknown propagation", "rootfsPropagation", { $0["linux.rootfsPropagation"] = "sideways" }),
    ("a version from the future", "ociVersion", { $0["ociVersion"] = "9.0.0" }),
    ("a NUL in an argument", "process.args", { $0["process.args"] = ["echo", "a\0b"] }),
    ("a variable without =", "process.env", { $0["process.env"] = ["NOVALUE\0"] }),
  ]

  @Test(.swrunOnly, arguments: faults.indices) func fault(index: Int) throws {
    let (name, place, edit) = Self.faults[index]
    try withSandbox { box in
      let container = try box.container(
        name.replacingOccurrences(of: " ", with: "_").filter { $0.isLetter }
      ) { edit(&$0) }
      for verb in ["run", "create"] {
        let result = try box.spawn([verb, "-b", container.bundle, container.id]).finish()
        refused(result, saying: [place])
        #expect(!container.hasState, "\(name)")
      }
    }
  }

  @Test(arguments: [
    "", "{", "[]", "null", "{\"ociVersion\":}", "{}", "\u{0}", "{\"a\":\"\\uD800\"}",
  ])
  func noJSON(text: String) throws {
    try withSandbox { box in
      let container = try box.container()
      try text.write(
        toFile: "\(container.bundle)/config.json", atomically: false, encoding: .utf8)
      refused(try container.run())
    }
  }

  @Test(.swrunOnly) func aFaultNamesItsLine() throws {
    try withSandbox { box in
      let container = try box.container()
      try """
      {
        "ociVersion": "1.0.2",
        "process": {
          "user": { "uid": "root", "gid": 0 }
        }
      }
      """.write(toFile: "\(container.bundle)/config.json", atomically: false, encoding: .utf8)
      refused(
        try container.run(),
        saying: ["config.json:4", "process.user.uid", "unsigned integer", "\"root\""])
    }
  }

  @Test func theConfigIsADirectoryOrADanglingLink() throws {
    try withSandbox { box in
      let container = try box.container()
      let path = "\(container.bundle)/config.json"
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true)
      refused(try container.run())
      rmdir(path)
      symlink("/no/such/file", path)
      refused(try container.run())
    }
  }

  @Test func noSpaceForTheState() throws {
    try withSandbox { box in
      let small = box.path("small")
      try FileManager.default.createDirectory(atPath: small, withIntermediateDirectories: true)
      try host("mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", small).ok()
      defer { _ = try? host("umount", "-l", small) }
      _ = try? host("dd", "if=/dev/zero", "of=\(small)/full", "bs=4k", "count=4")
      let container = try box.container { $0.sh("echo ran") }
      for verb in ["run", "create"] {
        let result = try box.spawn(
          [verb, "-b", container.bundle, container.id], root: "\(small)/root"
        ).finish()
        if Runtime.isSwrun { refused(result, saying: ["space"]) }
        _ = try box.spawn(["delete", "--force", container.id], root: "\(small)/root").finish()
        let left = (try? FileManager.default.contentsOfDirectory(atPath: "\(small)/root")) ?? []
        #expect(left.filter { $0.contains(box.tag) } == [])
      }
    }
  }

  @Test func aReadOnlyStateDirectory() throws {
    try withSandbox { box in
      let fixed = box.path("fixed")
      try FileManager.default.createDirectory(atPath: fixed, withIntermediateDirectories: true)
      try host("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", fixed).ok()
      defer { _ = try? host("umount", "-l", fixed) }
      let container = try box.container()
      let result = try box.spawn(
        ["run", "-b", container.bundle, container.id], root: "\(fixed)/root"
      ).finish()
      refused(result, saying: ["\(fixed)/root", "ead-only"])
    }
  }

  @Test(.swrunOnly) func aReadOnlyRun() throws {
    try withSandbox { box in
      let container = try box.container()
      // The default root, in a mount namespace where /run cannot be written.
      let result = try Child(
        [
          "/usr/bin/unshare", "-m", "--propagation", "private", "/bin/sh", "-c",
          "mount -t tmpfs -o ro tmpfs /run && exec \"$0\" run -b \(container.bundle) \(container.id)",
          Runtime.path,
        ], environment: box.environment
      ).finish()
      refused(result, saying: ["/run", "ead-only"])
    }
  }

  @Test func theStateDirectoryIsAFile() throws {
    try withSandbox { box in
      try "".write(toFile: box.root, atomically: false, encoding: .utf8)
      let container = try box.container()
      refused(try container.run(), saying: [box.root])
      unlink(box.root)
    }
  }

  @Test func aCgroupPathWithoutRights() throws {
    try withSandbox { box in
      // A user with a user namespace of its own may not write the host's cgroups.
      let container = try box.container {
        $0["linux.cgroupsPath"] = "/\(box.tag)/nested"
        $0["linux.resources"] = ["pids": ["limit": 10]]
      }
      let result = try Child(
        ["/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]
          + [
            Runtime.path, "--root", box.path("user-state"), "run", "-b", container.bundle,
            container.id,
          ],
        environment: box.environment
      ).finish()
      refused(result)
    }
  }

  @Test func aStateFileThatIsDamaged() throws {
    try withSandbox { box in
      let container = try box.running()
      let process = try container.process()
      let directory = "\(box.root)/\(container.id)"
      for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
        var info = stat()
        guard lstat("\(directory)/\(name)", &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
          continue
        }
        truncate("\(directory)/\(name)", 0)
      }
      let result = try box.swrun("state", container.id)
      #expect(result.code != 0)
      if Runtime.isSwrun {
        #expect(result.errLines.count == 1, "\(result)")
        try container.delete(force: true).ok("delete --force of a damaged state")
        #expect(!container.hasState)
      }
      if process.isAlive { Foundation.kill(process.pid, SIGKILL) }
      // What a peer leaves behind here is not judged.
      if !Runtime.isSwrun { _ = try host("rm", "-rf", directory); removeCgroups(of: box) }
    }
  }

  private func removeCgroups(of box: Sandbox) {
    usleep(200_000)
    for hierarchy in Machine.hierarchies {
      _ = try? host(
        "find", hierarchy.path, "-depth", "-name", "\(box.tag)*", "-type", "d", "-exec", "rmdir",
        "{}", ";")
    }
  }
}
