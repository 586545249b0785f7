import OCISpec

/// A configuration with every property of the specification, as text and as the value it means.
enum CompleteConfig {
  static let text = #"""
    {
      "ociVersion": "1.2.1",
      "process": {
        "terminal": true,
        "consoleSize": { "height": 25, "width": 80 },
        "user": { "uid": 1, "gid": 2, "umask": 63, "additionalGids": [5, 6], "username": "app" },
        "args": ["sleep", "5"],
        "commandLine": "cmd /c x",
        "env": ["PATH=/bin", "TERM=xterm"],
        "cwd": "/home/app",
        "capabilities": {
          "bounding": ["CAP_KILL"],
          "effective": ["CAP_CHOWN"],
          "inheritable": [],
          "permitted": ["CAP_MKNOD"],
          "ambient": ["CAP_SETUID"]
        },
        "rlimits": [{ "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 512 }],
        "noNewPrivileges": true,
        "apparmorProfile": "acme_secure",
        "oomScoreAdj": -100,
        "scheduler": {
          "policy": "SCHED_DEADLINE", "nice": 19, "priority": 0,
          "flags": ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM"],
          "runtime": 10000, "deadline": 20000, "period": 30000
        },
        "selinuxLabel": "system_u:system_r:svirt_lxc_net_t:s0:c124,c675",
        "ioPriority": { "class": "IOPRIO_CLASS_BE", "priority": 4 },
        "execCPUAffinity": { "initial": "7", "final": "0-3,7" }
      },
      "root": { "path": "rootfs", "readonly": true },
      "hostname": "box",
      "domainname": "example.org",
      "mounts": [
        { "destination": "/proc", "type": "proc", "source": "proc" },
        {
          "destination": "/data", "type": "bind", "source": "/src", "options": ["rbind", "ro"],
          "uidMappings": [{ "containerID": 0, "hostID": 1000, "size": 10 }],
          "gidMappings": [{ "containerID": 0, "hostID": 2000, "size": 20 }]
        }
      ],
      "hooks": {
        "prestart": [{ "path": "/p", "args": ["p", "x"], "env": ["K=V"], "timeout": 3 }],
        "createRuntime": [{ "path": "/cr" }],
        "createContainer": [{ "path": "/cc" }],
        "startContainer": [{ "path": "/sc" }],
        "poststart": [{ "path": "/ps" }],
        "poststop": [{ "path": "/pp" }]
      },
      "annotations": { "com.example.key": "value", "empty": "" },
      "linux": {
        "namespaces": [
          { "type": "pid" }, { "type": "network", "path": "/run/netns/x" }, { "type": "mount" },
          { "type": "ipc" }, { "type": "uts" }, { "type": "user" }, { "type": "cgroup" },
          { "type": "time" }
        ],
        "uidMappings": [{ "containerID": 0, "hostID": 100000, "size": 65536 }],
        "gidMappings": [{ "containerID": 1, "hostID": 200000, "size": 65535 }],
        "timeOffsets": {
          "monotonic": { "secs": 172800, "nanosecs": 5 }, "boottime": { "secs": -604800 }
        },
        "devices": [
          {
            "path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438,
            "uid": 3, "gid": 4
          },
          { "path": "/dev/pipe", "type": "p" }
        ],
        "netDevices": { "eth1": { "name": "net0" }, "eth2": {} },
        "cgroupsPath": "/pods/box",
        "resources": {
          "devices": [
            { "allow": false, "access": "rwm" },
            { "allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw" }
          ],
          "memory": {
            "limit": 536870912, "reservation": 268435456, "swap": 1073741824, "kernel": -1,
            "kernelTCP": 4096, "swappiness": 60, "disableOOMKiller": false, "useHierarchy": true,
            "checkBeforeUpdate": true
          },
          "cpu": {
            "shares": 1024, "quota": 1000000, "burst": 100000, "period": 500000,
            "realtimeRuntime": 950000, "realtimePeriod": 1000000, "cpus": "2-3", "mems": "0-7",
            "idle": 1
          },
          "pids": { "limit": 32771 },
          "blockIO": {
            "weight": 11, "leafWeight": 12,
            "weightDevice": [{ "major": 8, "minor": 0, "weight": 500, "leafWeight": 300 }],
            "throttleReadBpsDevice": [{ "major": 8, "minor": 1, "rate": 600 }],
            "throttleWriteBpsDevice": [{ "major": 8, "minor": 2, "rate": 601 }],
            "throttleReadIOPSDevice": [{ "major": 8, "minor": 3, "rate": 602 }],
            "throttleWriteIOPSDevice": [{ "major": 8, "minor": 4, "rate": 603 }]
          },
          "hugepageLimits": [{ "pageSize": "2MB", "limit": 9223372036854771712 }],
          "network": {
            "classID": 1048577, "priorities": [{ "name": "eth0", "priority": 500 }]
          },
          "rdma": { "mlx5_1": { "hcaHandles": 3, "hcaObjects": 10000 } },
          "unified": { "io.max": "259:0 rbps=2097152 wiops=120\n253:0 rbps=2097152" }
        },
        "rootfsPropagation": "rslave",
        "seccomp": {
          "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
          "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"],
          "flags": ["SECCOMP_FILTER_FLAG_LOG"],
          "listenerPath": "/run/agent.sock", "listenerMetadata": "meta",
          "syscalls": [
            { "names": ["getcwd", "chmod"], "action": "SCMP_ACT_ALLOW" },
            {
              "names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
              "args": [
                { "index": 0, "value": 2114060288, "valueTwo": 7, "op": "SCMP_CMP_MASKED_EQ" }
              ]
            },
            { "names": ["mknod"], "action": "SCMP_ACT_NOTIFY" }
          ]
        },
        "sysctl": { "net.ipv4.ip_forward": "1", "kernel.msgmax": "65536" },
        "maskedPaths": ["/proc/kcore"],
        "readonlyPaths": ["/proc/sys"],
        "mountLabel": "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811",
        "intelRdt": {
          "closID": "guaranteed", "schemata": ["L2:0=ff"], "l3CacheSchema": "L3:0=7f0;1=1f",
          "memBwSchema": "MB:0=20;1=70", "enableCMT": true, "enableMBM": true,
          "enableMonitoring": true
        },
        "personality": { "domain": "LINUX32", "flags": ["X"] },
        "memoryPolicy": {
          "mode": "MPOL_INTERLEAVE", "nodes": "0-1", "flags": ["MPOL_F_STATIC_NODES"]
        }
      },
      "vm": {
        "hypervisor": { "path": "/path/to/vmm", "parameters": ["opts1=foo", "opts2=bar"] },
        "kernel": { "path": "/vmlinuz", "parameters": ["quiet"], "initrd": "/initrd.img" },
        "image": { "path": "/root.qcow2", "format": "qcow2" },
        "hwConfig": {
          "deviceTree": "/dt.dtb", "vcpus": 2, "memory": 1073741824, "dtdevs": ["/x"],
          "iomems": [{ "firstGFN": 1, "firstMFN": 2, "nrMFNs": 3 }], "irqs": [11, 12]
        }
      },
      "solaris": {"milestone": "svc:/x", "anet": [{}]},
      "windows": {"layerFolders": ["C:\\x"]},
      "zos": {"devices": []}
    }
    """#

  static var bytes: [UInt8] { Array(text.utf8) }

  static var value: Spec {
    Spec(
      ociVersion: "1.2.1", process: process, root: Spec.Root(path: "rootfs", readonly: true),
      hostname: "box", domainname: "example.org",
      mounts: [
        Spec.Mount(destination: "/proc", type: "proc", source: "proc"),
        Spec.Mount(
          destination: "/data", type: "bind", source: "/src", options: ["rbind", "ro"],
          uidMappings: [Spec.IDMapping(containerID: 0, hostID: 1000, size: 10)],
          gidMappings: [Spec.IDMapping(containerID: 0, hostID: 2000, size: 20)]),
      ],
      hooks: Spec.Hooks(
        prestart: [Spec.Hook(path: "/p", args: ["p", "x"], env: ["K=V"], timeout: 3)],
        createRuntime: [Spec.Hook(path: "/cr")], createContainer: [Spec.Hook(path: "/cc")],
        startContainer: [Spec.Hook(path: "/sc")], poststart: [Spec.Hook(path: "/ps")],
        poststop: [Spec.Hook(path: "/pp")]),
      annotations: ["com.example.key": "value", "empty": ""], linux: linux, vm: vm,
      solaris: Spec.PlatformSection(text: #"{"milestone": "svc:/x", "anet": [{}]}"#),
      windows: Spec.PlatformSection(text: #"{"layerFolders": ["C:\\x"]}"#),
      zos: Spec.PlatformSection(text: #"{"devices": []}"#))
  }

  private static var process: Spec.Process {
    Spec.Process(
      terminal: true, consoleSize: .init(height: 25, width: 80),
      user: .init(uid: 1, gid: 2, umask: 0o77, additionalGids: [5, 6], username: "app"),
      args: ["sleep", "5"], commandLine: "cmd /c x", env: ["PATH=/bin", "TERM=xterm"],
      cwd: "/home/app",
      capabilities: .init(
        bounding: ["CAP_KILL"], effective: ["CAP_CHOWN"], inheritable: [],
        permitted: ["CAP_MKNOD"], ambient: ["CAP_SETUID"]),
      rlimits: [.init(type: .openFiles, hard: 1024, soft: 512)], noNewPrivileges: true,
      apparmorProfile: "acme_secure", oomScoreAdj: -100,
      scheduler: .init(
        policy: .deadline, nice: 19, flags: [.resetOnFork, .reclaim], runtime: 10000,
        deadline: 20000, period: 30000),
      selinuxLabel: "system_u:system_r:svirt_lxc_net_t:s0:c124,c675",
      ioPriority: .init(class: .bestEffort, priority: 4),
      execCPUAffinity: .init(initial: "7", final: "0-3,7"))
  }

  private static var linux: Spec.Linux {
    Spec.Linux(
      namespaces: [
        .init(type: .pid), .init(type: .network, path: "/run/netns/x"), .init(type: .mount),
        .init(type: .ipc), .init(type: .uts), .init(type: .user), .init(type: .cgroup),
        .init(type: .time),
      ],
      uidMappings: [.init(containerID: 0, hostID: 100000, size: 65536)],
      gidMappings: [.init(containerID: 1, hostID: 200000, size: 65535)],
      timeOffsets: [
        .monotonic: .init(secs: 172800, nanosecs: 5), .boottime: .init(secs: -604800),
      ],
      devices: [
        .init(
          path: "/dev/fuse", type: .character, major: 10, minor: 229, fileMode: 0o666, uid: 3,
          gid: 4),
        .init(path: "/dev/pipe", type: .fifo),
      ],
      netDevices: ["eth1": .init(name: "net0"), "eth2": .init()], cgroupsPath: "/pods/box",
      resources: resources, rootfsPropagation: .rslave, seccomp: seccomp,
      sysctl: ["net.ipv4.ip_forward": "1", "kernel.msgmax": "65536"],
      maskedPaths: ["/proc/kcore"], readonlyPaths: ["/proc/sys"],
      mountLabel: "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811",
      intelRdt: .init(
        closID: "guaranteed", schemata: ["L2:0=ff"], l3CacheSchema: "L3:0=7f0;1=1f",
        memBwSchema: "MB:0=20;1=70", enableCMT: true, enableMBM: true, enableMonitoring: true),
      personality: .init(domain: .linux32, flags: ["X"]),
      memoryPolicy: .init(mode: .interleave, nodes: "0-1", flags: [.staticNodes]))
  }

  private static var resources: Spec.Linux.Resources {
    Spec.Linux.Resources(
      devices: [
        .init(allow: false, access: "rwm"),
        .init(allow: true, type: .character, major: 10, minor: 229, access: "rw"),
      ],
      memory: .init(
        limit: 536_870_912, reservation: 268_435_456, swap: 1_073_741_824, kernel: -1,
        kernelTCP: 4096, swappiness: 60, disableOOMKiller: false, useHierarchy: true,
        checkBeforeUpdate: true),
      cpu: .init(
        shares: 1024, quota: 1_000_000, burst: 100_000, period: 500_000,
        realtimeRuntime: 950_000, realtimePeriod: 1_000_000, cpus: "2-3", mems: "0-7", idle: 1),
      pids: .init(limit: 32771),
      blockIO: .init(
        weight: 11, leafWeight: 12,
        weightDevice: [.init(major: 8, minor: 0, weight: 500, leafWeight: 300)],
        throttleReadBpsDevice: [.init(major: 8, minor: 1, rate: 600)],
        throttleWriteBpsDevice: [.init(major: 8, minor: 2, rate: 601)],
        throttleReadIOPSDevice: [.init(major: 8, minor: 3, rate: 602)],
        throttleWriteIOPSDevice: [.init(major: 8, minor: 4, rate: 603)]),
      hugepageLimits: [.init(pageSize: "2MB", limit: 9_223_372_036_854_771_712)],
      network: .init(classID: 1_048_577, priorities: [.init(name: "eth0", priority: 500)]),
      rdma: ["mlx5_1": .init(hcaHandles: 3, hcaObjects: 10000)],
      unified: ["io.max": "259:0 rbps=2097152 wiops=120\n253:0 rbps=2097152"])
  }

  private static var seccomp: Spec.Linux.Seccomp {
    Spec.Linux.Seccomp(
      defaultAction: .errno, defaultErrnoRet: 38, architectures: [.x86, .x32], flags: [.log],
      listenerPath: "/run/agent.sock", listenerMetadata: "meta",
      syscalls: [
        .init(names: ["getcwd", "chmod"], action: .allow),
        .init(
          names: ["clone"], action: .errno, errnoRet: 1,
          args: [.init(index: 0, value: 2_114_060_288, valueTwo: 7, op: .maskedEqual)]),
        .init(names: ["mknod"], action: .notify),
      ])
  }

  private static var vm: Spec.VM {
    Spec.VM(
      hypervisor: .init(path: "/path/to/vmm", parameters: ["opts1=foo", "opts2=bar"]),
      kernel: .init(path: "/vmlinuz", parameters: ["quiet"], initrd: "/initrd.img"),
      image: .init(path: "/root.qcow2", format: "qcow2"),
      hwConfig: .init(
        deviceTree: "/dt.dtb", vcpus: 2, memory: 1_073_741_824, dtdevs: ["/x"],
        iomems: [.init(firstGFN: 1, firstMFN: 2, nrMFNs: 3)], irqs: [11, 12]))
  }
}
