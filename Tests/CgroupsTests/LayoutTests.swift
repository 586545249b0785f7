import Testing

@testable import Cgroups

@Suite struct LayoutTests {
  /// systemd's v1 layout with a hybrid v2, as Debian 10 has it.
  static let hybridMounts = """
    22 27 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
    31 22 0:26 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755
    32 31 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw,nsdelegate
    33 31 0:28 / /sys/fs/cgroup/systemd rw,nosuid shared:11 - cgroup cgroup rw,xattr,name=systemd
    37 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:15 - cgroup cgroup rw,cpu,cpuacct
    38 31 0:32 / /sys/fs/cgroup/memory rw,nosuid shared:16 - cgroup cgroup rw,memory
    39 31 0:33 / /mnt/with\\040space rw,nosuid - cgroup cgroup rw,pids

    """
  static let hybridMembership = """
    9:pids:/
    5:name=systemd:/user.slice/session-1.scope
    4:memory:/user.slice
    3:cpu,cpuacct:/user.slice
    2:net_cls,net_prio:/
    0::/user.slice/session-1.scope

    """

  private func layout(_ membership: String, _ mounts: String) -> CgroupLayout {
    CgroupLayout(
      Membership.parse(Array(membership.utf8)), mounts: CgroupMount.parse(Array(mounts.utf8)))
  }

  @Test func hybridFromTheMountTable() {
    let layout = layout(Self.hybridMembership, Self.hybridMounts)
    #expect(
      layout.hierarchies == [
        .init(key: "pids", mountPoint: "/mnt/with space", ownPath: "/"),
        .init(
          key: "name=systemd", mountPoint: "/sys/fs/cgroup/systemd",
          ownPath: "/user.slice/session-1.scope"),
        .init(key: "memory", mountPoint: "/sys/fs/cgroup/memory", ownPath: "/user.slice"),
        .init(
          key: "cpu,cpuacct", mountPoint: "/sys/fs/cgroup/cpu,cpuacct", ownPath: "/user.slice"),
        .init(
          key: "", mountPoint: "/sys/fs/cgroup/unified", ownPath: "/user.slice/session-1.scope"),
      ])
    #expect(!layout.isUnified)
  }

  @Test func unifiedFromTheMountTable() {
    let layout = layout(
      "0::/user.slice/a:b\n", "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n")
    #expect(
      layout.hierarchies
        == [.init(key: "", mountPoint: "/sys/fs/cgroup", ownPath: "/user.slice/a:b")])
    #expect(layout.isUnified)
  }

  /// A container of an engine without a cgroup namespace sees its own part of each hierarchy.
  @Test func aPartOfAHierarchy() {
    let mounts = """
      300 299 0:28 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
      301 299 0:29 /docker/abc /sys/fs/cgroup/pids ro master:3 - cgroup cgroup rw,pids

      """
    let inside = layout("2:memory:/docker/abc/inner\n1:pids:/docker/abcd\n", mounts)
    #expect(inside.hierarchies[0].ownPath == "/inner")
    #expect(inside.hierarchies[0].root == "/docker/abc")
    #expect(CgroupMount.relative("/docker/abc", to: "/docker/abc") == "/")
    // Not below what is mounted: the mount point itself.
    #expect(inside.hierarchies[1].ownPath == "/")
    #expect(layout("2:memory:/../other\n", mounts).hierarchies[0].ownPath == "/")
    #expect(layout("2:memory:/docker/abc/x (deleted)\n", mounts).hierarchies[0].ownPath == "/")
  }

  @Test func malformedLinesAreLeftOut() {
    #expect(Membership.parse(Array("x\n1:cpu\n:::\n2:cpu:relative\n3:cpu:/ok\n".utf8)).count == 1)
    #expect(CgroupMount.parse(Array("1 2 3\n\n- - - - - - - - -\n".utf8)).isEmpty)
    let truncated = CgroupMount.parse(Array("39 31 0:33 / /a\\04 rw - cgroup cgroup rw,pids".utf8))
    #expect(truncated.first?.mountPoint == "/a\\04")
  }

  @Test func theConventionalPlacesNeedNoMountTable() throws {
    let memberships = Membership.parse(Array("2:cpu,cpuacct:/a\n1:name=systemd:/\n0::/b\n".utf8))
    let types: [String: CgroupVersion] = [
      "/sys/fs/cgroup/cpu,cpuacct/a": .v1, "/sys/fs/cgroup/systemd": .v1,
      "/sys/fs/cgroup/unified/b": .v2,
    ]
    let layout = try #require(CgroupLayout.conventional(memberships) { types[$0] })
    #expect(
      layout.hierarchies == [
        .init(key: "cpu,cpuacct", mountPoint: "/sys/fs/cgroup/cpu,cpuacct", ownPath: "/a"),
        .init(key: "name=systemd", mountPoint: "/sys/fs/cgroup/systemd", ownPath: "/"),
        .init(key: "", mountPoint: "/sys/fs/cgroup/unified", ownPath: "/b"),
      ])
    // One that is elsewhere, or is not what it is called, sends to the mount table.
    for path in types.keys {
      var less = types
      less[path] = nil
      #expect(CgroupLayout.conventional(memberships) { less[$0] } == nil)
    }
    let pure = CgroupLayout.conventional(Membership.parse(Array("0::/\n".utf8))) {
      $0 == "/sys/fs/cgroup" ? .v2 : nil
    }
    #expect(pure?.hierarchies == [.init(key: "", mountPoint: "/sys/fs/cgroup", ownPath: "/")])
    // v1 hierarchies beside a v2 that covers /sys/fs/cgroup.
    #expect(CgroupLayout.conventional(memberships) { $0 == "/sys/fs/cgroup" ? .v2 : .v1 } == nil)
    #expect(CgroupLayout.conventional([]) { _ in .v2 } == nil)
  }

  @Test func thisMachine() throws {
    let detected = try CgroupLayout.detect()
    #expect(!detected.hierarchies.isEmpty)
    for hierarchy in detected.hierarchies {
      #expect(
        fileSystemType(hierarchy.mountPoint + hierarchy.ownPath)
          == (hierarchy.isUnified ? .v2 : .v1))
    }
  }

  @Test(
    arguments: [
      ("/", nil), (".", nil), ("..", nil), ("a/..", nil), ("a", "a"), ("/a//b/./c/", "a/b/c"),
      ("../../etc", "etc"), ("a/../../b", "b"), ("...", "..."), ("a/..b", "a/..b"),
      // A slash that is one Character with the accent behind it is a slash to the kernel.
      ("a/\u{301}/../..", nil), ("../\u{301}/../../etc", "etc"),
    ] as [(String, String?)])
  func cleaning(path: String, expected: String?) {
    #expect(cleaned(path).map { Array($0.utf8) } == expected.map { Array($0.utf8) })
  }

  @Test func placementAsRuncDoesIt() throws {
    let hybrid = layout(Self.hybridMembership, Self.hybridMounts)
    let absolute = try hybrid.placement(cgroupsPath: "/x/../y", id: "id")
    #expect(absolute.paths["memory"] == "/sys/fs/cgroup/memory/y")
    #expect(absolute.paths["pids"] == "/mnt/with space/y")
    #expect(absolute.cgroupsPath == "/x/../y")
    let relative = try hybrid.placement(cgroupsPath: "../../x/y", id: "id")
    #expect(relative.paths["memory"] == "/sys/fs/cgroup/memory/user.slice/x/y")
    #expect(relative.paths[""] == "/sys/fs/cgroup/unified/user.slice/session-1.scope/x/y")
    for absent in [nil, ""] {
      let own = try hybrid.placement(cgroupsPath: absent, id: "id")
      #expect(own.paths["cpu,cpuacct"] == "/sys/fs/cgroup/cpu,cpuacct/user.slice/id")
      #expect(own.paths["pids"] == "/mnt/with space/id")
      #expect(own.cgroupsPath == nil)
      #expect(own.unified.directories.map(\.key) == [""])
      #expect(own.legacy.directories.count == 4)
      #expect(CgroupPlacement(paths: own.paths).paths == own.paths)
    }
    // v2 alone: beside the caller's cgroup.
    let pure = layout("0::/user.slice/s\n", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
    #expect(
      try pure.placement(cgroupsPath: nil, id: "id").paths == ["": "/sys/fs/cgroup/user.slice/id"])
    #expect(
      try pure.placement(cgroupsPath: "a/b", id: "id").paths
        == ["": "/sys/fs/cgroup/user.slice/a/b"])
    #expect(try pure.placement(cgroupsPath: "/a", id: "id").paths == ["": "/sys/fs/cgroup/a"])
  }

  @Test(arguments: ["/", ".", "a\0b", "a\nb", "a/.."])
  func refusedPaths(path: String) throws {
    let error = #expect(throws: (any Error).self) {
      try layout(Self.hybridMembership, Self.hybridMounts).placement(cgroupsPath: path, id: "id")
    }
    #expect("\(error!)".hasPrefix("linux.cgroupsPath: "))
  }
}
