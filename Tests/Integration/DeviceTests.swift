import Foundation
import Harness
import Testing

/// Device nodes, links in /dev, and the device rules of the cgroup.
@Suite(.root) struct Devices {
  @Test func theDefaultDevicesAndLinks() throws {
    try withSandbox { box in
      let result = try box.run {
        $0.sh(
          "cd /dev; stat -c '%n %F %t:%T %a' null zero full random urandom tty; for l in fd stdin stdout stderr ptmx; do echo $l $(readlink $l); done"
        )
      }
      let lines = Set(result.lines)
      for (name, number) in [
        ("null", "1:3"), ("zero", "1:5"), ("full", "1:7"), ("random", "1:8"), ("urandom", "1:9"),
        ("tty", "5:0"),
      ] {
        #expect(lines.contains("\(name) character special file \(number) 666"), "\(result)")
      }
      for (link, target) in [
        ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
      ] {
        #expect(lines.contains("\(link) \(target)"), "\(result)")
      }
    }
  }

  @Test func theDefaultDevicesWork() throws {
    try withSandbox { box in
      let result = try box.run {
        $0.sh(
          "echo x > /dev/null && head -c 4 /dev/zero | od -An -tx1 && head -c 8 /dev/urandom | wc -c; echo x 2>/dev/null > /dev/full || echo full"
        )
      }
      #expect(result.lines == [" 00 00 00 00", "8", "full"], "\(result)")
    }
  }

  @Test func aDeviceOfTheConfig() throws {
    try withSandbox { box in
      let result = try box.run {
        $0.capabilities(["CAP_DAC_OVERRIDE"], in: ["bounding", "effective", "permitted"])
        $0["linux.devices"] = [
          [
            "path": "/dev/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 7,
            "gid": 8,
          ],
          ["path": "/dev/sub/pipe", "type": "p", "fileMode": 0o600],
          ["path": "/dev/block", "type": "b", "major": 7, "minor": 0, "fileMode": 0o600],
        ]
        $0.append(
          "linux.resources.devices",
          ["allow": true, "type": "c", "major": 1, "minor": 5, "access": "r"])
        $0.sh(
          "cd /dev; stat -c '%n %F %t:%T %a %u %g' mine sub/pipe block; head -c 2 mine | od -An -tx1; head -c1 block 2>/dev/null || echo refused"
        )
      }
      #expect(
        result.lines == [
          "mine character special file 1:5 640 7 8", "sub/pipe fifo 0:0 600 0 0",
          "block block special file 7:0 600 0 0", " 00 00", "refused",
        ], "\(result)")
    }
  }

  /// Every runtime allows making any node; what is judged is opening it.
  @Test func theDeviceRulesOfTheCgroup() throws {
    try withSandbox { box in
      let result = try box.run {
        $0.capabilities(
          ["CAP_MKNOD", "CAP_SYS_RAWIO", "CAP_SYSLOG"], in: ["bounding", "effective", "permitted"])
        $0["root.readonly"] = false
        $0["linux.resources.devices"] = [
          ["allow": false, "access": "rwm"],
          ["allow": true, "type": "b", "major": 7, "minor": 5, "access": "rm"],
        ]
        $0.sh(
          """
          mknod /allowed b 7 5 && head -c 0 /allowed && echo opened
          (echo x >> /allowed) 2>/dev/null || echo not written
          mknod /mem c 1 1 && head -c 0 /mem 2>/dev/null || echo refused
          mknod /loop b 7 6 && head -c 0 /loop 2>/dev/null || echo refused
          """)
      }
      #expect(result.lines == ["opened", "not written", "refused", "refused"], "\(result)")
    }
  }

  @Test(.v1("devices")) func theListOfTheV1Hierarchy() throws {
    try withSandbox { box in
      let container = try box.running {
        $0.append(
          "linux.resources.devices",
          ["allow": true, "type": "b", "major": 7, "minor": 3, "access": "rw"])
      }
      let path = try container.process().cgroup("devices") ?? ""
      let list = (Machine.read(path + "/devices.list") ?? "").split(separator: "\n")
      #expect(list.contains("b 7:3 rw"), "\(list)")
      #expect(list.contains("c 1:3 rwm"))
      #expect(list.contains("c *:* m"))
      #expect(!list.contains("a *:* rwm"))
    }
  }

  @Test func everythingAllowed() throws {
    try withSandbox { box in
      let result = try box.run {
        $0.capabilities(["CAP_MKNOD"], in: ["bounding", "effective", "permitted"])
        $0["root.readonly"] = false
        $0["linux.resources.devices"] = [["allow": true, "access": "rwm"]]
        $0.sh("mknod /loop b 7 0 && head -c 0 /loop && echo opened")
      }
      #expect(result.line == "opened", "\(result)")
    }
  }

  @Test func withoutAMountOnDevTheImagesDevIsUsed() throws {
    try withSandbox { box in
      let container = try box.container {
        for mount in ["/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"] { $0.dropMount(mount) }
        $0["root.readonly"] = false
        $0.sh("stat -c '%F' /dev/null; echo x > /dev/null && echo works")
      }
      let result = try container.run()
      #expect(result.lines == ["character special file", "works"], "\(result)")
    }
  }
}
