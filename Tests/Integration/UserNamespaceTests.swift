import Foundation
import Harness
import Testing

/// A user namespace made by root with any mappings.
@Suite(.root) struct UserNamespace {
  static let mapping = [["containerID": 0, "hostID": 100_000, "size": 5000]]

  @Test func rootInsideIsAUserOutside() throws {
    try withSandbox { box in
      let container = try box.running { Self.map(&$0) }
      let process = try container.process()
      #expect(process.status?.list("Uid") == [100_000, 100_000, 100_000, 100_000])
      #expect(process.status?.list("Gid") == [100_000, 100_000, 100_000, 100_000])
      #expect(process.namespace("user") != ProcessView(getpid()).namespace("user"))
      let inside = try container.sh(
        "id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map; cat /proc/self/setgroups")
      #expect(inside.lines.first == "0", "\(inside)")
      #expect(inside.out.contains("100000       5000"))
      #expect(inside.lines.last == "allow", "root's mappings leave setgroups allowed")
    }
  }

  @Test func severalRanges() throws {
    try withSandbox { box in
      let container = try box.running {
        $0.namespace("user")
        let ranges = [
          ["containerID": 0, "hostID": 100_000, "size": 1],
          ["containerID": 1, "hostID": 300_000, "size": 2000],
        ]
        $0["linux.uidMappings"] = ranges
        $0["linux.gidMappings"] = ranges
        $0["process.user"] = ["uid": 1000, "gid": 1000, "additionalGids": [1500]]
      }
      let status = try container.process().status
      #expect(status?.list("Uid").first == 300_999)
      #expect(status?.list("Groups").contains(301_499) == true)
    }
  }

  @Test func allCapabilitiesAreThoseOfTheNamespace() throws {
    try withSandbox { box in
      let result = try box.run {
        Self.map(&$0)
        $0.capabilities(["CAP_SYS_ADMIN", "CAP_MKNOD", "CAP_CHOWN"])
        $0["root.readonly"] = false
        $0.sh(
          """
          mount -t tmpfs none /mnt 2>/dev/null || mkdir /dev/shm/m; mount -t tmpfs none /dev/shm/m && echo mounted
          mknod /dev/shm/null c 1 3 2>/dev/null || echo no-node
          echo x 2>/dev/null > /proc/sys/kernel/panic || echo no-sysctl
          hostname other && hostname
          """)
      }
      #expect(result.out.contains("mounted"), "\(result)")
      #expect(result.out.contains("no-node") && result.out.contains("no-sysctl"))
    }
  }

  @Test func theDefaultDevicesAreThere() throws {
    try withSandbox { box in
      let result = try box.run {
        Self.map(&$0)
        $0.sh(
          "stat -c '%n %t:%T' /dev/null /dev/zero /dev/tty; echo x > /dev/null && head -c 2 /dev/zero | wc -c"
        )
      }
      #expect(result.lines == ["/dev/null 1:3", "/dev/zero 1:5", "/dev/tty 5:0", "2"], "\(result)")
    }
  }

  @Test func execEntersIt() throws {
    try withSandbox { box in
      let container = try box.running { Self.map(&$0) }
      let result = try container.exec(["--user", "7:8"], "cat", "/proc/self/status")
      #expect(ProcStatus(result.out).list("Uid").first == 7, "\(result)")
      let space = try container.sh("readlink /proc/self/ns/user")
      #expect(space.line == (try container.process().namespace("user")))
    }
  }

  @Test(.not(.runc, because: "runc 1.1.5 wants mappings")) func oneIsJoinedByPath() throws {
    try withSandbox { box in
      let first = try box.running { Self.map(&$0) }
      let process = try first.process()
      let second = try box.running {
        $0.namespace("user", path: "/proc/\(process.pid)/ns/user")
        $0.sh("id -u; exec sleep 1000")
      }
      #expect(second.waitsForOutput("0"))
      #expect(try second.process().namespace("user") == process.namespace("user"))
      #expect(try second.process().status?.list("Uid").first == 100_000)
    }
  }

  @Test func anUnmappedUserIsRefused() throws {
    try withSandbox { box in
      let result = try box.run {
        Self.map(&$0)
        $0["process.user"] = ["uid": 60_000, "gid": 0]
      }
      refused(result, saying: Runtime.isSwrun ? ["60000"] : [])
    }
  }

  @Test func withoutMappingsItIsRefused() throws {
    guard Runtime.kind != .crun else { return }
    try withSandbox { box in refused(try box.run { $0.namespace("user") }, saying: ["appings"]) }
  }

  /// CVE-2021-43784 was an overflow of a 16-bit length that many mappings provoked.
  @Test func manyMappingsAndALotOfEnvironment() throws {
    try withSandbox { box in
      let ranges = (0..<300).map { ["containerID": $0, "hostID": 100_000 + $0 * 2, "size": 1] }
      let large = String(repeating: "x", count: 120_000)
      let result = try box.run {
        $0.namespace("user")
        $0["linux.uidMappings"] = ranges
        $0["linux.gidMappings"] = ranges
        for index in 0..<8 { $0.env("LARGE\(index)=\(large)") }
        $0.sh("wc -l < /proc/self/uid_map; env | wc -c; readlink /proc/self/ns/mnt")
      }
      #expect(result.lines.first == "300", "\(result.err)")
      #expect((Int(result.lines.dropFirst().first ?? "") ?? 0) > 960_000)
      #expect(result.lines.last != ProcessView(getpid()).namespace("mnt"))
    }
  }

  static func map(_ config: inout Config) {
    config.namespace("user")
    config["linux.uidMappings"] = mapping
    config["linux.gidMappings"] = mapping
  }
}
