import Foundation
import Harness
import Testing

/// Each mount option as the container sees it in its mountinfo.
@Suite(.root) struct MountOptions {
  /// Option, what mountinfo then shows among the mount's own options.
  static let flags = [
    ("ro", "ro"), ("rw", "rw"), ("nosuid", "nosuid"), ("nodev", "nodev"), ("noexec", "noexec"),
    ("noatime", "noatime"), ("relatime", "relatime"), ("nodiratime", "nodiratime"),
  ]

  @Test(arguments: flags, ["tmpfs", "bind"]) func aFlag(flag: (String, String), type: String) throws
  {
    try withSandbox { box in
      let mount = try mounted(box, type: type, [flag.0])
      #expect(mount.options.contains(flag.1), "\(mount.options)")
    }
  }

  @Test(
    .not(.crun, because: "crun 1.8.1 keeps the first"),
    arguments: [
      (["nosuid", "suid"], "nosuid"), (["nodev", "dev"], "nodev"), (["noexec", "exec"], "noexec"),
      (["ro", "rw"], "ro"), (["noatime", "atime"], "noatime"),
      (["nodiratime", "diratime"], "nodiratime"),
    ])
  func theLastOfTwoContraryFlagsWins(options: [String], absent: String) throws {
    try withSandbox { box in
      let mount = try mounted(box, type: "tmpfs", options)
      #expect(!mount.options.contains(absent), "\(mount.options)")
    }
  }

  @Test func strictatimeIsTheAbsenceOfRelatime() throws {
    try withSandbox { box in
      let mount = try mounted(box, type: "tmpfs", ["strictatime"])
      #expect(!mount.options.contains("relatime") && !mount.options.contains("noatime"))
    }
  }

  @Test(
    .kernel(5, 14), .not(.runc, because: "runc 1.1.5 does not know nosymfollow"),
    .not(.crun, because: "crun 1.8.1 does not know nosymfollow"))
  func nosymfollow() throws {
    try withSandbox { box in
      let nosymfollow = try mounted(box, type: "tmpfs", ["nosymfollow"])
      #expect(nosymfollow.options.contains("nosymfollow"))
    }
  }

  @Test func dataOptionsReachTheFilesystem() throws {
    try withSandbox { box in
      let mount = try mounted(
        box, type: "tmpfs", ["size=128k", "mode=0751", "uid=7", "gid=8", "nr_inodes=50"])
      for option in ["size=128k", "mode=751", "uid=7", "gid=8", "nr_inodes=50"] {
        #expect(mount.superOptions.contains(option), "\(option) in \(mount.superOptions)")
      }
    }
  }

  @Test func syncIsAnOptionOfTheFilesystem() throws {
    try withSandbox { box in
      let sync = try mounted(box, type: "tmpfs", ["sync"])
      #expect(sync.superOptions.contains("sync"))
      let dirsync = try mounted(box, type: "tmpfs", ["dirsync"])
      #expect(dirsync.superOptions.contains("dirsync"))
    }
  }

  @Test(arguments: [
    ("private", []), ("rprivate", []), ("slave", ["master"]), ("shared", ["shared"]),
    ("unbindable", ["unbindable"]), ("rslave", ["master"]), ("rshared", ["shared"]),
    ("runbindable", ["unbindable"]),
  ])
  func propagationOfAMount(option: String, fields: [String]) throws {
    try withSandbox { box in
      // A slave of nothing is private: the source must be a shared mount of the host.
      let source = box.path("shared")
      try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
      try withHostTmpfs(source) {
        try host("mount", "--make-shared", source).ok()
        let result = try box.run {
          $0["linux.rootfsPropagation"] = "slave"
          $0.bind(source, "/mounted", option)
          $0.sh("cat /proc/self/mountinfo")
        }
        let found = MountEntry.parse(result.out).at("/mounted")?.propagation
          .map { String($0.prefix { $0 != ":" }) }
        let expected = Set(fields)
        #expect(Set(found ?? ["none"]).isSuperset(of: expected), "\(found ?? []) \(result.err)")
        if fields.isEmpty { #expect(found == []) }
        if fields == ["unbindable"] { #expect(found == ["unbindable"]) }
      }
    }
  }

  @Test(
    .not(.runc, because: "runc 1.1.5 fails with unbindable"),
    arguments: ["slave", "private", "unbindable"])
  func propagationOfTheRoot(value: String) throws {
    try withSandbox { box in
      let result = try box.run {
        $0["linux.rootfsPropagation"] = value
        $0.sh("cat /proc/self/mountinfo")
      }
      let root = MountEntry.parse(result.out).at("/")?.propagation.joined(separator: " ") ?? "none"
      switch value {
      case "unbindable": #expect(root == "unbindable", "\(result)")
      default: #expect(!root.contains("shared"), "\(result)")
      }
    }
  }

  /// A mount inside a shared bind appears on the host, one inside a private bind does not.
  @Test(.not(.crun, because: "it runs in a mount namespace of its own here"))
  func aSharedMountPropagatesToTheHost() throws {
    try withSandbox { box in
      let source = box.path("shared")
      try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
      try withHostTmpfs(source) {
        try host("mount", "--make-shared", source).ok()
        for (option, visible) in [("rshared", true), ("rprivate", false)] {
          try host("mkdir", "-p", "\(source)/inside").ok()
          let result = try box.run {
            $0["linux.rootfsPropagation"] = "shared"
            $0.capabilities(["CAP_SYS_ADMIN"], in: ["bounding", "effective", "permitted"])
            $0.bind(source, "/mounted", option)
            $0.sh("mount -t tmpfs none /mounted/inside && touch /mounted/inside/x")
          }
          #expect(result.code == 0, "\(result)")
          let found = MountEntry.own().contains { $0.point == "\(source)/inside" }
          #expect(found == visible, "\(option)")
          if found { try host("umount", "\(source)/inside").ok() }
        }
      }
    }
  }

  @Test func bindKeepsTheFlagsOfItsSource() throws {
    try withSandbox { box in
      let source = box.path("flagged")
      try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
      try withHostTmpfs(source) {
        try host("mount", "-o", "remount,bind,nodev,nosuid", source).ok()
        let result = try box.run {
          $0.bind(source, "/mounted", "noexec")
          $0.sh("cat /proc/self/mountinfo")
        }
        let options = MountEntry.parse(result.out).at("/mounted")?.options ?? []
        #expect(options.contains("noexec"))
      }
    }
  }

  @Test func anUnknownOptionIsAnErrorThatNamesTheMount() throws {
    try withSandbox { box in
      let result = try box.run { $0.tmpfs("/mounted", "no-such-option") }
      #expect(result.code != 0)
      if Runtime.isSwrun {
        #expect(result.err.contains("mounts[7]"), "\(result)")
        #expect(result.err.contains("no-such-option"), "\(result)")
      }
    }
  }

  @Test(
    .kernel(5, 12), .not(.runc, because: "runc 1.1.5 has no recursive attributes"),
    .not(.crun, because: "crun 1.8.1 sets rnoatime beside another atime"))
  func recursiveAttributes() throws {
    try withSandbox { box in
      let source = box.path("tree")
      try FileManager.default.createDirectory(
        atPath: source + "/sub", withIntermediateDirectories: true)
      try withHostTmpfs(source + "/sub") {
        let result = try box.run {
          $0.mount(
            "/mounted", type: "bind", source: source,
            options: ["rbind", "rro", "rnosuid", "rnodev", "rnoexec", "rnoatime"])
          $0.sh("cat /proc/self/mountinfo")
        }
        for point in ["/mounted", "/mounted/sub"] {
          let options = Set(MountEntry.parse(result.out).at(point)?.options ?? [])
          #expect(
            options.isSuperset(of: ["ro", "nosuid", "nodev", "noexec", "noatime"]),
            "\(point): \(options) \(result.err)")
        }
      }
    }
  }

  private func mounted(_ box: Sandbox, type: String, _ options: [String]) throws -> MountEntry {
    try FileManager.default.createDirectory(
      atPath: box.path("source"), withIntermediateDirectories: true)
    let result = try box.run {
      if type == "bind" {
        $0.mount("/mounted", type: "bind", source: box.path("source"), options: ["bind"] + options)
      } else {
        $0.tmpfs("/mounted", "relatime")
        $0.mounts[$0.mounts.count - 1]["options"] = options
      }
      $0.sh("cat /proc/self/mountinfo")
    }
    guard let mount = MountEntry.parse(result.out).at("/mounted") else {
      throw HarnessError("not mounted: \(result)")
    }
    return mount
  }
}
