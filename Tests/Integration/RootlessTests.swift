import Foundation
import Harness
import Testing

/// A caller without privileges.
@Suite(
  .root, .not(.crun, because: "a user cannot hide the v2 side of a hybrid hierarchy from it"),
  .enabled(
    if: Machine.read("/proc/sys/user/max_user_namespaces") != "0\n",
    "user namespaces are turned off"))
struct Rootless {
  static let uid: UInt32 = 54_321

  @Test func oneMappedUser() throws {
    try withSandbox { box in
      let container = try rootless(box) {
        $0.sh(
          "id -u; cat /proc/self/uid_map; hostname; touch /made && echo made; cat /proc/self/setgroups"
        )
      }
      let result = try run(container)
      #expect(result.code == 0, "\(result)")
      #expect(result.lines.first == "0")
      #expect(result.out.contains("\(Self.uid)          1"))
      #expect(result.lines.contains("tester") && result.lines.contains("made"))
      #expect(result.lines.last == "deny")
      var info = stat()
      #expect(lstat("\(container.rootfs)/made", &info) == 0 && info.st_uid == Self.uid)
    }
  }

  @Test func theWholeLife() throws {
    try withSandbox { box in
      let container = try rootless(box) { $0.args("sleep", "1000") }
      func call(_ arguments: String...) throws -> Outcome {
        try box.spawn(
          arguments, output: arguments[0] == "create" ? .file(container.outputPath) : .captured,
          identity: .user(Self.uid), root: box.path("rootless")
        ).finish()
      }
      try call("create", "-b", container.bundle, container.id).ok("create")
      try call("start", container.id).ok("start")
      let exec = try call("exec", container.id, "/bin/sh", "-c", "id -u; exit 4")
      #expect(exec.code == 4 && exec.line == "0", "\(exec)")
      #expect(try call("state", container.id).ok().out.contains("running"))
      try call("kill", container.id, "KILL").ok("kill")
      #expect(eventually { (try? call("state", container.id).out.contains("stopped")) == true })
      try call("delete", container.id).ok("delete")
    }
  }

  @Test func theExampleOfSpecRuns() throws {
    try withSandbox { box in
      let container = try rootless(box) { _ in }
      try FileManager.default.removeItem(atPath: "\(container.bundle)/config.json")
      chown(container.bundle, Self.uid, Self.uid)
      // crun 1.8.1 makes its rootless spec from who calls it.
      let options = Runtime.kind == .crun ? ["spec"] : ["spec", "--rootless"]
      try box.spawn(options, directory: container.bundle, identity: .user(Self.uid)).finish().ok()
      let data = Data((Machine.read("\(container.bundle)/config.json") ?? "").utf8)
      container.config = Config(try JSONSerialization.jsonObject(with: data) as! [String: Any])
      container.config["process.terminal"] = false
      container.config.sh("id -u; exit 3")
      if Runtime.kind != .crun {
        #expect(container.config["linux.uidMappings"] != nil)
      }
      // Written by root, who else? The file only has to be readable.
      try container.write()
      let result = try run(container)
      #expect(result.code == 3 && result.lines.first == "0", "\(result)")
    }
  }

  /// CVE-2023-25809: without a cgroup namespace, the host's cgroups must not be writable inside.
  @Test func theHostsCgroupsAreNotWritable() throws {
    try withSandbox { box in
      let container = try rootless(box) {
        $0.bind("/sys", "/sys", "rbind")
        $0.sh(
          "for f in $(find /sys/fs/cgroup -maxdepth 2 -name cgroup.procs); do echo 1 2>/dev/null > $f && echo wrote $f; done; mkdir /sys/fs/cgroup/unified/x 2>/dev/null && echo made; true"
        )
      }
      let result = try run(container)
      #expect(!result.out.contains("wrote") && !result.out.contains("made"), "\(result)")
    }
  }

  @Test(.enabled(if: access("/usr/bin/newuidmap", X_OK) == 0, "newuidmap is not installed"))
  func manyUsersThroughNewuidmap() throws {
    try withSandbox { box in
      let container = try rootless(box) {
        let ranges = [
          ["containerID": 0, "hostID": Int(Self.uid), "size": 1],
          ["containerID": 1, "hostID": 700_000, "size": 2000],
        ]
        $0["linux.uidMappings"] = ranges
        $0["linux.gidMappings"] = ranges
        $0["process.user"] = ["uid": 1000, "gid": 1000]
        $0.sh("id -u; cat /proc/self/uid_map")
      }
      // The machine's own /etc stays as it is: the user exists in a mount namespace of the caller.
      let passwd =
        (Machine.read("/etc/passwd") ?? "") + "rootless:x:\(Self.uid):\(Self.uid)::/tmp:/bin/sh\n"
      try passwd.write(toFile: box.path("passwd"), atomically: false, encoding: .utf8)
      try "rootless:700000:65536\n".write(
        toFile: box.path("subid"), atomically: false, encoding: .utf8)
      let result = try Child(
        [
          "/usr/bin/unshare", "-m", "--propagation", "private", "/bin/sh", "-c",
          """
          mount --bind \(box.path("passwd")) /etc/passwd && mount --bind \(box.path("subid")) /etc/subuid &&
          mount --bind \(box.path("subid")) /etc/subgid &&
          exec setpriv --reuid \(Self.uid) --regid \(Self.uid) --clear-groups "$@"
          """, "sh",
        ] + [Runtime.path] + [
          "--root", box.path("rootless"), "run", "-b", container.bundle, container.id,
        ],
        environment: box.environment
      ).finish()
      #expect(result.lines.first == "1000", "\(result)")
      #expect(result.out.contains("700000       2000"), "\(result)")
    }
  }

  @Test func theDefaultStateDirectoryIsTheUsers() throws {
    guard Runtime.isSwrun else { return }
    try withSandbox { box in
      let directory = box.path("xdg")
      mkdir(directory, 0o700)
      chown(directory, Self.uid, Self.uid)
      let container = try rootless(box) { $0.sh("exit 6") }
      let result = try Child(
        [Runtime.path, "run", "--keep", "-b", container.bundle, container.id],
        environment: box.environment.merging(["XDG_RUNTIME_DIR": directory]) { $1 },
        identity: .user(Self.uid)
      ).finish()
      #expect(result.code == 6, "\(result)")
      #expect(access("\(directory)/swrun/\(container.id)", F_OK) == 0)
    }
  }

  private func rootless(_ box: Sandbox, _ edit: (inout Config) -> Void) throws -> Container {
    mkdir(box.path("rootless"), 0o700)
    chown(box.path("rootless"), Self.uid, Self.uid)
    let container = try box.container {
      $0.namespace("user")
      $0.dropNamespace("network")
      $0["root.readonly"] = false
      $0["linux.uidMappings"] = [["containerID": 0, "hostID": Int(Self.uid), "size": 1]]
      $0["linux.gidMappings"] = [["containerID": 0, "hostID": Int(Self.uid), "size": 1]]
      $0["linux.resources"] = nil
      $0.dropMount("/sys")
      $0.dropMount("/sys/fs/cgroup")
      // Group 5 of the terminals is not mapped.
      $0.changeMount("/dev/pts") {
        $0["options"] = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
      }
      edit(&$0)
    }
    try host("chown", "-R", "\(Self.uid):\(Self.uid)", container.rootfs).ok()
    return container
  }

  private func run(_ container: Container) throws -> Outcome {
    try container.sandbox.spawn(
      ["run", "-b", container.bundle, container.id], identity: .user(Self.uid),
      root: container.sandbox.path("rootless")
    ).finish()
  }
}
