import Foundation
import Harness
import Testing

/// What is mounted, where, and what a mount does to the root filesystem.
@Suite(.root) struct Mounts {
  @Test func theDefaultFilesystems() throws {
    try withSandbox { box in
      let result = try box.run { $0.sh("cat /proc/self/mountinfo") }
      let mounts = MountEntry.parse(result.out)
      let expected = [
        "/proc": "proc", "/dev": "tmpfs", "/dev/pts": "devpts", "/dev/shm": "tmpfs",
        "/dev/mqueue": "mqueue", "/sys": "sysfs",
      ]
      for (point, type) in expected { #expect(mounts.at(point)?.type == type, "\(point)") }
      #expect(mounts.at("/sys")?.options.contains("ro") == true)
      #expect(mounts.at("/dev/shm")?.options.contains("noexec") == true)
      #expect(mounts.at("/dev/pts")?.superOptions.contains("ptmxmode=666") == true)
      #expect(mounts.first?.point == "/", "the old root is gone")
      #expect(!result.out.contains(box.directory + "/state"))
    }
  }

  @Test func pivotRootLeavesNothingOfTheHost() throws {
    try withSandbox { box in
      let result = try box.run {
        $0.sh("cat /proc/self/mountinfo | wc -l; ls /; ls -d /.. -i; ls -di /")
      }
      #expect((Int(result.lines.first ?? "") ?? 99) < 40)
      #expect(!result.out.contains("lost+found"))
    }
  }

  @Test(arguments: [true, false]) func noPivot(readonly: Bool) throws {
    try withSandbox { box in
      let container = try box.container {
        $0["root.readonly"] = readonly
        // A file, which the container mounts of a file system of the kernel's.
        $0["linux.readonlyPaths"] = ["/proc/uptime", "/proc/sys"]
        $0.sh("ls /; test ! -e /work && grep -q ' /proc/uptime ro' /proc/self/mountinfo")
      }
      let result = try container.run("--no-pivot")
      #expect(result.code == 0, "\(result)")
      #expect(result.lines.contains("bin"))
    }
  }

  /// The old root is unmounted as a whole: with mounts that are peers of the host's, that must not
  /// unmount them there. "The host" is a mount namespace of the test's own.
  @Test(arguments: ["shared", "rshared"]) func aSharedRootLeavesTheHostItsMounts(
    propagation: String
  ) throws {
    try withSandbox { box in
      let container = try box.container {
        $0["linux.rootfsPropagation"] = propagation
        $0.sh("echo ran")
      }
      let script = """
        mount --make-rshared /
        mount -t tmpfs host /mnt
        grep -c -e cgroup -e ' /mnt ' /proc/self/mountinfo
        "$0" --root "$1" run -b "$2" "$3"
        grep -c -e cgroup -e ' /mnt ' /proc/self/mountinfo
        """
      let result = try Child(
        ["/usr/bin/unshare", "-m", "--propagation", "private", "/bin/sh", "-c", script]
          + [Runtime.path, box.root, container.bundle, container.id],
        environment: box.environment
      ).finish()
      #expect(result.lines.count == 3 && result.lines.dropFirst().first == "ran", "\(result)")
      #expect(result.lines.first == result.lines.last, "\(result)")
    }
  }

  @Test func readOnlyRoot() throws {
    try withSandbox { box in
      let script = "touch /file && echo written || echo refused"
      let readOnly = try box.run { $0.sh(script) }
      #expect(readOnly.line == "refused")
      let writable = try box.run {
        $0["root.readonly"] = false
        $0.sh(script)
      }
      #expect(writable.line == "written")
    }
  }

  @Test func bindOfADirectoryAndAFile() throws {
    try withSandbox { box in
      try makeData(box)
      let container = try box.container {
        $0.bind(box.path("data"), "/mnt/data", "rw")
        $0.bind(box.path("data/file"), "/etc/some/file", "ro")
        $0.sh(
          "cat /mnt/data/file /etc/some/file; echo new > /mnt/data/new; echo x > /etc/some/file")
      }
      let result = try container.run()
      #expect(result.lines == ["content", "content"], "\(result)")
      #expect(result.code != 0, "the file is read-only")
      #expect(Machine.read(box.path("data/new")) == "new\n")
      #expect(Machine.read(box.path("data/file")) == "content\n")
    }
  }

  @Test func aBindIsNotRecursiveAndAnRbindIs() throws {
    try withSandbox { box in
      try makeData(box)
      try withHostTmpfs(box.path("data/sub")) {
        let result = try box.run {
          $0.bind(box.path("data"), "/one")
          $0.mount("/two", type: "bind", source: box.path("data"), options: ["rbind"])
          $0.sh("ls /one/sub; echo --; ls /two/sub")
        }
        #expect(result.lines == ["--", "inner"], "\(result)")
      }
    }
  }

  @Test func aReadOnlyRbindLeavesSubmountsWritable() throws {
    try withSandbox { box in
      try makeData(box)
      try withHostTmpfs(box.path("data/sub")) {
        let result = try box.run {
          $0.mount("/two", type: "bind", source: box.path("data"), options: ["rbind", "ro"])
          $0.sh("touch /two/x 2>/dev/null || echo ro; touch /two/sub/x && echo rw")
        }
        #expect(result.lines == ["ro", "rw"], "\(result)")
      }
    }
  }

  @Test(.not(.runc, because: "runc 1.1.5 has no recursive attributes"), .kernel(5, 12))
  func aRecursivelyReadOnlyRbind() throws {
    try withSandbox { box in
      try makeData(box)
      try withHostTmpfs(box.path("data/sub")) {
        let result = try box.run {
          $0.mount("/two", type: "bind", source: box.path("data"), options: ["rbind", "rro"])
          $0.sh("touch /two/x 2>/dev/null || echo ro; touch /two/sub/x 2>/dev/null || echo ro")
        }
        #expect(result.lines == ["ro", "ro"], "\(result)")
      }
    }
  }

  @Test func mountsStackInOrder() throws {
    try withSandbox { box in
      try makeData(box)
      let result = try box.run {
        $0.tmpfs("/stack")
        $0.bind(box.path("data"), "/stack/in")
        $0.tmpfs("/stack/in/sub", "size=64k")
        $0.sh("cat /stack/in/file; grep -c /stack /proc/self/mountinfo; ls /stack/in/sub")
      }
      #expect(result.lines == ["content", "3"], "\(result)")
    }
  }

  @Test(.not(.crun, because: "crun 1.8.1 ends with 1 and no message"))
  func aTargetThatIsALinkOutOfTheRootStaysInside() throws {
    try withSandbox { box in
      let outside = box.path("outside")
      try FileManager.default.createDirectory(
        atPath: outside, withIntermediateDirectories: true)
      for (index, link) in [outside, "../../../../../../../../../..\(outside)"].enumerated() {
        let container = try box.container {
          $0.tmpfs("/link/made")
          $0.sh("touch /link/made/inside; cat /proc/self/mountinfo")
        }
        symlink(link, "\(container.rootfs)/link")
        let result = try container.run()
        #expect(result.code == 0, "\(result)")
        #expect(MountEntry.parse(result.out).at("\(outside)/made")?.type == "tmpfs", "\(index)")
        let left = try FileManager.default.contentsOfDirectory(atPath: outside)
        #expect(left == [])
      }
    }
  }

  @Test func aTargetThatIsALinkInsideIsFollowed() throws {
    try withSandbox { box in
      let container = try box.container {
        $0.tmpfs("/link", "size=4k")
        $0.sh("cat /proc/self/mountinfo")
      }
      try container.makeDirectory("target")
      symlink("target", "\(container.rootfs)/link")
      let output = try container.run().out
      #expect(MountEntry.parse(output).at("/target")?.type == "tmpfs")
    }
  }

  @Test func tmpcopyup() throws {
    try withSandbox { box in
      let container = try box.container {
        $0.tmpfs("/etc", "tmpcopyup")
        $0.sh(
          "grep ^root /etc/passwd; touch /etc/new && echo new; readlink /etc/link; stat -c %a /etc/dir"
        )
      }
      symlink("passwd", "\(container.rootfs)/etc/link")
      try container.makeDirectory("etc/dir")
      chmod("\(container.rootfs)/etc/dir", 0o711)
      let result = try container.run()
      #expect(
        result.lines == ["root:x:0:0:root:/root:/bin/sh", "new", "passwd", "711"], "\(result)")
      #expect(access("\(container.rootfs)/etc/new", F_OK) != 0)
    }
  }

  @Test(.enabled(if: Machine.hasFilesystem("overlay"), "no overlay filesystem"))
  func overlay() throws {
    try withSandbox { box in
      for name in ["lower", "upper", "work"] {
        try FileManager.default.createDirectory(
          atPath: box.path(name), withIntermediateDirectories: true)
      }
      try "below".write(toFile: box.path("lower/file"), atomically: false, encoding: .utf8)
      let result = try box.run {
        $0.mount(
          "/over", type: "overlay", source: "overlay",
          options: [
            "lowerdir=\(box.path("lower"))", "upperdir=\(box.path("upper"))",
            "workdir=\(box.path("work"))",
          ])
        $0.sh("cat /over/file; echo above > /over/new")
      }
      #expect(result.out == "below", "\(result)")
      #expect(Machine.read(box.path("upper/new")) == "above\n")
    }
  }

  @Test(arguments: [true, false]) func theCgroupMountShowsTheContainersCgroup(
    hasNamespace: Bool
  ) throws {
    try withSandbox { box in
      // Without a namespace v2 shows all of the hierarchy, as runc and crun have it:
      // /proc/self/cgroup says where in it the container is.
      let isWhole = Machine.cgroups == .unified && !hasNamespace
      let directory =
        isWhole ? "/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)" : "/sys/fs/cgroup"
      let result = try box.run {
        if hasNamespace { $0.namespace("cgroup") }
        $0.sh(
          """
          cat /proc/self/mountinfo
          cat "\(directory)/pids/cgroup.procs" 2>/dev/null || cat "\(directory)/cgroup.procs"
          """
        )
      }
      let mounts = MountEntry.parse(result.out)
      #expect(mounts.contains { $0.type.hasPrefix("cgroup") && $0.options.contains("ro") })
      #expect(result.lines.contains("1"), "its own init is in the mounted cgroup: \(result)")
      #expect(!result.lines.contains("0"), "somebody else is there too: \(result)")
    }
  }

  @Test(
    .not(.runc, because: "runc 1.1.5 has no idmapped mounts"),
    .not(.crun, because: "crun 1.8.1 wants a user namespace here"), .kernel(5, 12))
  func idmappedBind() throws {
    try withSandbox { box in
      try makeData(box)
      let mapping = [["containerID": 0, "hostID": 5000, "size": 1000]]
      let result = try box.run {
        $0.bind(box.path("data"), "/mapped", "idmap")
        $0.mounts[$0.mounts.count - 1]["uidMappings"] = mapping
        $0.mounts[$0.mounts.count - 1]["gidMappings"] = mapping
        $0.sh("stat -c '%u %g' /mapped/file")
      }
      #expect(result.line == "5000 5000", "\(result)")
    }
  }

  private func makeData(_ box: Sandbox) throws {
    try FileManager.default.createDirectory(
      atPath: box.path("data/sub"), withIntermediateDirectories: true)
    try "content\n".write(toFile: box.path("data/file"), atomically: false, encoding: .utf8)
  }
}

/// Mounts a tmpfs with the file "inner" on the host while the body runs.
func withHostTmpfs(_ path: String, _ body: () throws -> Void) throws {
  try host("mount", "-t", "tmpfs", "tmpfs", path).ok("mount")
  defer { _ = try? host("umount", path) }
  try "".write(toFile: path + "/inner", atomically: false, encoding: .utf8)
  try body()
}
