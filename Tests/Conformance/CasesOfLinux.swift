import Foundation
import Harness

extension Case {
  static let mounts: [Case] = [
    Case("writable-root") { config, _ in config["root.readonly"] = false },
    Case("root-propagation-private") { config, _ in
      config["linux.rootfsPropagation"] = "private"
    },
    Case("root-propagation-slave") { config, _ in config["linux.rootfsPropagation"] = "slave" },
    Case("root-propagation-shared") { config, _ in config["linux.rootfsPropagation"] = "shared" },
    Case("bind") { config, box in
      config.bind(try data(box), "/mnt/data")
      config.bind("\(try data(box))/file", "/mnt/file", "ro")
    },
    Case("bind-options") { config, box in
      config.mount(
        "/mnt/ro", type: "bind", source: try data(box),
        options: ["rbind", "ro", "nosuid", "nodev", "noexec"])
      config.mount(
        "/mnt/rprivate", type: "bind", source: try data(box), options: ["rbind", "rprivate", "rw"])
      config.mount("/mnt/none", type: "none", source: try data(box), options: ["bind"])
    },
    Case("tmpfs-options") { config, _ in
      config.tmpfs("/mnt/small", "size=64k", "mode=0700", "uid=5", "gid=6", "nr_inodes=100")
      config.tmpfs("/mnt/ro", "ro", "nosuid", "nodev", "noexec", "noatime")
      config.tmpfs("/mnt/plain")
    },
    Case("tmpcopyup") { config, _ in config.tmpfs("/etc", "tmpcopyup", "nosuid") },
    Case("stacked-mounts") { config, box in
      config.tmpfs("/mnt")
      config.bind(try data(box), "/mnt/deep/er")
      config.tmpfs("/mnt/deep/er/sub", "size=4k")
    },
    Case("overlay") { config, box in
      // Each runtime gets its own: an overlay marks its directories.
      let (upper, work) = (box.path(box.name("upper")), box.path(box.name("work")))
      for path in [upper, work] {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      }
      config.mount(
        "/mnt/over", type: "overlay", source: "overlay",
        options: ["lowerdir=\(try data(box))", "upperdir=\(upper)", "workdir=\(work)"])
    },
    Case("only-proc") { config, _ in
      config.mounts = config.mounts.filter { $0["destination"] as? String == "/proc" }
      config["root.readonly"] = false
    },
    Case("no-cgroup-mount") { config, _ in config.dropMount("/sys/fs/cgroup") },
    Case("proc-options") { config, _ in
      config.changeMount("/proc") { $0["options"] = ["nosuid", "noexec", "nodev", "hidepid=2"] }
    },
    Case("sys-writable") { config, _ in
      config.changeMount("/sys") { $0["options"] = ["nosuid", "noexec", "nodev"] }
      config.changeMount("/sys/fs/cgroup") { $0["options"] = ["nosuid", "noexec", "nodev"] }
    },
  ]

  static let linux: [Case] = [
    Case("masked-paths") { config, _ in
      config["linux.maskedPaths"] = ["/etc/passwd", "/home", "/no/such", "/proc/keys"]
    },
    Case("readonly-paths") { config, _ in
      config["root.readonly"] = false
      config["linux.readonlyPaths"] = ["/etc", "/etc/passwd", "/no/such", "/proc/sys"]
    },
    Case("nothing-masked") { config, _ in
      config["linux.maskedPaths"] = [String]()
      config["linux.readonlyPaths"] = [String]()
    },
    Case("devices") { config, _ in
      config["linux.devices"] = [
        [
          "path": "/dev/extra", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 3,
          "gid": 4,
        ] as [String: Any],
        ["path": "/dev/sub/block", "type": "b", "major": 7, "minor": 1, "fileMode": 0o600],
        ["path": "/dev/pipe", "type": "p", "fileMode": 0o622],
      ]
      config.append(
        "linux.resources.devices",
        ["allow": true, "type": "c", "major": 1, "minor": 5, "access": "rw"] as [String: Any])
    },
    Case("devices-all-allowed") { config, _ in
      config["linux.resources.devices"] = [["allow": true, "access": "rwm"] as [String: Any]]
    },
    Case("device-rules") { config, _ in
      config["linux.resources.devices"] = [
        ["allow": false, "access": "rwm"] as [String: Any],
        ["allow": true, "type": "c", "major": 10, "access": "rw"],
        ["allow": true, "type": "b", "major": 7, "minor": 2, "access": "r"],
      ]
    },
    Case("device-rules-with-a-hole") { config, _ in
      config["linux.resources.devices"] = [
        ["allow": false, "access": "rwm"] as [String: Any],
        ["allow": true, "type": "c", "major": 10, "access": "rw"],
        ["allow": false, "type": "c", "major": 10, "minor": 229, "access": "w"],
      ]
    },
    Case("sysctl") { config, _ in
      config["linux.sysctl"] = [
        "net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1", "fs.mqueue.msg_max": "20",
        "net.ipv4.ping_group_range": "0 100",
      ]
    },
    Case("seccomp") { config, _ in
      config["linux.seccomp"] = filter(["mkdir", "mkdirat"], errno: 99)
    },
    Case("seccomp-arguments") { config, _ in
      config["linux.seccomp"] = [
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [
          [
            "names": ["personality"], "action": "SCMP_ACT_ERRNO",
            "args": [["index": 0, "value": 8, "op": "SCMP_CMP_EQ"] as [String: Any]],
          ] as [String: Any]
        ],
      ]
    },
    Case("seccomp-with-new-privileges") { config, _ in
      config["process.noNewPrivileges"] = false
      config["linux.seccomp"] = filter(["sethostname", "chroot"])
      config["linux.seccomp.flags"] = ["SECCOMP_FILTER_FLAG_LOG"]
    },
    Case("seccomp-unknown-call") { config, _ in
      config["linux.seccomp"] = filter(["no_such_call", "chroot"], errno: 38)
    },
  ]

  static let resources: [Case] = [
    Case("memory") { config, _ in
      config["linux.resources.memory"] = [
        "limit": 64 << 20, "reservation": 32 << 20, "swap": 128 << 20,
      ]
    },
    Case("memory-swappiness") { config, _ in config["linux.resources.memory"] = ["swappiness": 9] },
    Case("cpu") { config, _ in
      config["linux.resources.cpu"] = ["shares": 512, "quota": 50000, "period": 100_000]
    },
    Case("cpuset") { config, _ in config["linux.resources.cpu"] = ["cpus": "0", "mems": "0"] },
    Case("pids") { config, _ in config["linux.resources.pids"] = ["limit": 55] },
    Case("block-io") { config, _ in
      config["linux.resources.blockIO"] = [
        "throttleReadBpsDevice": [["major": 7, "minor": 0, "rate": 1_048_576]],
        "throttleWriteIOPSDevice": [["major": 7, "minor": 0, "rate": 100]],
      ]
    },
    Case("cgroups-path") { config, box in
      config["linux.cgroupsPath"] = "/\(box.tag)-given"
    },
    Case("no-resources") { config, _ in config["linux.resources"] = nil },
  ]

  static let combined: [Case] = [
    Case("like-docker") { config, _ in
      config["root.readonly"] = false
      config["process.noNewPrivileges"] = false
      config.namespace("cgroup")
      config.capabilities(
        [
          "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW",
          "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE",
          "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
        ], in: ["bounding", "effective", "permitted"])
      config["process.oomScoreAdj"] = 0
      config["linux.seccomp"] = filter(["keyctl", "ptrace", "personality"])
      config["linux.resources.memory"] = ["limit": 256 << 20]
      config["linux.resources.pids"] = ["limit": 100]
    },
    Case("like-a-locked-down-pod") { config, box in
      config["process.user"] = ["uid": 1000, "gid": 1000, "additionalGids": [2000]]
      config.capabilities([])
      config.tmpfs("/tmp", "nosuid", "nodev", "mode=1777")
      config.bind(try data(box), "/mnt/config", "ro")
      config["linux.seccomp"] = filter(["mount", "chroot", "keyctl"])
      config["process.oomScoreAdj"] = 900
      config.namespace("cgroup")
    },
    Case("user-namespace-and-mounts") { config, box in
      config.namespace("user")
      config.namespace("cgroup")
      let mapping = [
        ["containerID": 0, "hostID": 100_000, "size": 1000],
        ["containerID": 1000, "hostID": 200_000, "size": 1000],
      ]
      config["linux.uidMappings"] = mapping
      config["linux.gidMappings"] = mapping
      config["process.user"] = ["uid": 1000, "gid": 1000]
      config.tmpfs("/tmp", "nosuid", "nodev")
    },
    Case("everything") { config, box in
      config["process.user"] = ["uid": 1000, "gid": 1000, "additionalGids": [5], "umask": 0o27]
      config["process.cwd"] = "/tmp"
      config["process.oomScoreAdj"] = 100
      config.capabilities(["CAP_CHOWN", "CAP_KILL"])
      config.tmpfs("/tmp", "nosuid", "mode=1777", "size=1m")
      config.bind(try data(box), "/mnt/data", "ro", "nosuid")
      config["linux.sysctl"] = ["net.ipv4.ip_forward": "1"]
      config["linux.seccomp"] = filter(["chroot", "keyctl"], errno: 13)
      config["linux.resources.memory"] = ["limit": 128 << 20]
      config["linux.resources.cpu"] = ["shares": 300, "quota": 80000, "period": 90000]
      config["linux.resources.pids"] = ["limit": 77]
      config["linux.rootfsPropagation"] = "private"
      config["annotations"] = ["org.example": "x"]
      config.namespace("cgroup")
    },
  ]

  /// A directory of the host with a file and a directory.
  static func data(_ box: Sandbox) throws -> String {
    let path = box.path("data")
    try FileManager.default.createDirectory(
      atPath: "\(path)/sub", withIntermediateDirectories: true)
    try "content".write(toFile: "\(path)/file", atomically: false, encoding: .utf8)
    return path
  }
}
