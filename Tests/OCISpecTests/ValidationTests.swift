import JSON
import OCISpec
import Testing

/// Rules of the specification that types do not hold.
@Suite struct ValidationTests {
  @Test(arguments: ["1.0.0", "1.0.2", "1.2.1", "1.0.0-rc5-dev", "1.3.0+build.7", "1.10.0"])
  func versions(version: String) throws {
    let text = config().replacing("1.0.2", with: version)
    #expect(try parse(text).ociVersion == version)
  }

  @Test(arguments: ["2.0.0", "0.5.0", "1.0", "1", "", "v1.0.2", "1.0.x", "1..2", "1.0.2.3"])
  func otherVersions(version: String) {
    #expect(fault(config().replacing("1.0.2", with: version)).contains("ociVersion: \"\(version)"))
  }

  @Test(arguments: [
    (#""cwd": "tmp""#, #"process.cwd: "tmp" is not an absolute path"#),
    (#""cwd": """#, #"process.cwd: "" is not an absolute path"#),
    (#""args": []"#, "process.args: is empty"),
    (#""consoleSize": {"height": 65536, "width": 1}"#, "process.consoleSize.height: expected 0"),
    (#""user": {"uid": 4294967295}"#, "process.user.uid: 4294967295 is no id"),
    (#""user": {"gid": 4294967295}"#, "process.user.gid: 4294967295 is no id"),
    (#""user": {"additionalGids": [1, 4294967295]}"#, "process.user.additionalGids[1]: 42"),
    (#""user": {"umask": 512}"#, "process.user.umask: 01000 has bits beyond 0777"),
    (
      #""rlimits": [{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}, {"type": "RLIMIT_CPU", "soft": 1, "hard": 1}]"#,
      "process.rlimits[1].type: RLIMIT_CPU is limited twice"
    ),
    (
      #""rlimits": [{"type": "RLIMIT_CPU", "soft": 2, "hard": 1}]"#,
      "process.rlimits[0].soft: 2 is above the hard limit of 1"
    ),
    (#""oomScoreAdj": -1001"#, "process.oomScoreAdj: expected -1000 to 1000"),
    (#""scheduler": {"policy": "SCHED_OTHER", "nice": 20}"#, "process.scheduler.nice: expected"),
    (
      #""scheduler": {"policy": "SCHED_OTHER", "priority": 1}"#,
      "process.scheduler.priority: needs the policy SCHED_FIFO or SCHED_RR"
    ),
    (
      #""scheduler": {"policy": "SCHED_FIFO", "period": 1}"#,
      "process.scheduler.period: needs the policy SCHED_DEADLINE"
    ),
    (
      #""ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 8}"#,
      "process.ioPriority.priority: expected 0 to 7, found 8"
    ),
    (#""execCPUAffinity": {"initial": "x"}"#, "process.execCPUAffinity.initial: \"x\" is not"),
  ]) func process(members: String, expected: String) {
    #expect(fault(config(process: members)).contains("config.json:1: " + expected))
  }

  @Test(arguments: [
    (#""mounts": [{"destination": ""}]"#, "mounts[0].destination: is empty"),
    (
      #""mounts": [{"destination": "/a", "uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}]"#,
      "mounts[0].uidMappings: needs gidMappings too"
    ),
    (
      #""mounts": [{"destination": "/a", "gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}]"#,
      "mounts[0].gidMappings: needs uidMappings too"
    ),
    (
      #""hooks": {"poststop": [{"path": "a"}]}"#, #"hooks.poststop[0].path: "a" is not an absolute"#
    ),
    (
      #""hooks": {"prestart": [{"path": "/a", "timeout": 0}]}"#,
      "hooks.prestart[0].timeout: 0 is not above 0"
    ),
    (#""hostname": "a""#, "hostname: needs the uts namespace in linux.namespaces"),
    (#""domainname": "a""#, "domainname: needs the uts namespace in linux.namespaces"),
    (#""root": {"path": ""}"#, "root.path: is empty"),
  ]) func top(members: String, expected: String) {
    #expect(fault(config(members)).contains("config.json:1: " + expected))
  }

  @Test(arguments: [
    (
      #""namespaces": [{"type": "pid"}, {"type": "pid"}]"#,
      #"linux.namespaces[1].type: "pid" stands twice"#
    ),
    (
      #""namespaces": [{"type": "pid", "path": "proc/1/ns/pid"}]"#,
      "linux.namespaces[0].path: \"proc/1/ns/pid\" is not an absolute path"
    ),
    (
      #""uidMappings": [{"containerID": 0, "hostID": 0, "size": 0}]"#,
      "linux.uidMappings[0].size: is 0"
    ),
    (
      #""gidMappings": [{"containerID": 1, "hostID": 0, "size": 4294967295}]"#,
      "linux.gidMappings[0].size: 4294967295 reaches beyond the last id"
    ),
    (
      #""uidMappings": [{"containerID": 5, "hostID": 0, "size": 5}, {"containerID": 1, "hostID": 10, "size": 5}]"#,
      "linux.uidMappings[0].containerID: 5 is in another range too"
    ),
    (
      #""uidMappings": [{"containerID": 0, "hostID": 0, "size": 5}, {"containerID": 5, "hostID": 4, "size": 1}]"#,
      "linux.uidMappings[1].hostID: 4 is in another range too"
    ),
    (
      #""timeOffsets": {"boottime": {"nanosecs": 1000000000}}"#, "timeOffsets.boottime.nanosecs: ex"
    ),
    (#""timeOffsets": {"boottime": {"secs": 1}}"#, "linux.timeOffsets: needs the time namespace"),
    (#""maskedPaths": ["/a"]"#, "linux.maskedPaths: needs the mount namespace"),
    (#""readonlyPaths": ["/a"]"#, "linux.readonlyPaths: needs the mount namespace"),
    (#""devices": [{"path": "", "type": "c"}]"#, "linux.devices[0].path: is empty"),
    (#""devices": [{"path": "/a", "type": "c", "major": -1}]"#, "linux.devices[0].major: expected"),
    (#""devices": [{"path": "/a", "type": "c", "minor": 1048576}]"#, "devices[0].minor: expected"),
    (#""netDevices": {"a/b": {}}"#, "netDevices[\"a/b\"]: \"a/b\" is not the name of a network"),
    (
      #""netDevices": {"a": {"name": "abcdefghijklmnop"}}"#,
      "netDevices.a.name: \"abcdefghijklmnop\""
    ),
    (#""intelRdt": {"closID": "../x"}"#, "linux.intelRdt.closID: \"../x\" is not the name"),
    (#""memoryPolicy": {"mode": "MPOL_BIND", "nodes": "x"}"#, "linux.memoryPolicy.nodes: \"x\" is"),
  ]) func linux(members: String, expected: String) {
    #expect(fault(config(linux: members)).contains(expected))
  }

  @Test(arguments: [
    (#""devices": [{"allow": true, "access": "rx"}]"#, "devices[0].access: \"rx\" has letters"),
    (#""devices": [{"allow": true, "major": -2}]"#, "devices[0].major: expected -1 to"),
    (#""memory": {"swappiness": 101}"#, "memory.swappiness: expected 0 to 100, found 101"),
    (#""memory": {"limit": -2}"#, "memory.limit: expected -1 to"),
    (#""cpu": {"cpus": "0-3;x"}"#, "cpu.cpus: \"0-3;x\" is not a list"),
    (#""cpu": {"mems": "\n"}"#, "cpu.mems: \"\u{FFFD}\" is not a list"),
    (#""cpu": {"idle": 2}"#, "cpu.idle: expected 0 to 1, found 2"),
    (#""pids": {"limit": -2}"#, "pids.limit: expected -1 to"),
    (#""blockIO": {"weight": 9}"#, "blockIO.weight: expected 10 to 1000, found 9"),
    (#""blockIO": {"leafWeight": 1001}"#, "blockIO.leafWeight: expected 10 to 1000"),
    (
      #""blockIO": {"weightDevice": [{"major": 1, "minor": 2, "weight": 1}]}"#,
      "blockIO.weightDevice[0].weight: expected"
    ),
    (
      #""blockIO": {"throttleReadBpsDevice": [{"major": -1, "minor": 2, "rate": 1}]}"#,
      "blockIO.throttleReadBpsDevice[0].major: expected"
    ),
    (
      #""hugepageLimits": [{"pageSize": "../x", "limit": 1}]"#, "hugepageLimits[0].pageSize: \"../x"
    ),
    (#""hugepageLimits": [{"pageSize": "2M", "limit": 1}]"#, "hugepageLimits[0].pageSize: \"2M\""),
    (#""hugepageLimits": [{"pageSize": "MB", "limit": 1}]"#, "hugepageLimits[0].pageSize: \"MB\""),
    (
      #""network": {"priorities": [{"name": "a b", "priority": 1}]}"#,
      "network.priorities[0].name: \"a b\" is not the name"
    ),
    (#""rdma": {"../x": {}}"#, "rdma[\"../x\"]: is not the name of a device"),
    (#""unified": {"a/b": "1"}"#, "unified[\"a/b\"]: is not the name of a file in a cgroup"),
    (#""unified": {"..": "1"}"#, "unified[\"..\"]: is not the name of a file in a cgroup"),
  ]) func resources(members: String, expected: String) {
    #expect(
      fault(config(linux: "\"resources\": {\(members)}")).contains("linux.resources." + expected))
  }

  @Test(arguments: [
    #""blockIO": {"weight": 0}"#, #""memory": {"swappiness": 18446744073709551615, "limit": -1}"#,
    #""cpu": {"cpus": "0-31:2/4", "mems": "all", "quota": -1}"#, #""pids": {"limit": -1}"#,
    #""devices": [{"allow": true, "type": "a", "major": -1, "minor": -1}]"#,
  ]) func resourcesThatEnginesWrite(members: String) throws {
    _ = try parse(config(linux: "\"resources\": {\(members)}"))
  }

  @Test func devicesThatEnginesWrite() throws {
    // The mode as Go's os.FileMode has it, with the bit of a device.
    let spec = try parse(
      config(linux: #""devices": [{"path": "/dev/x", "type": "c", "fileMode": 67109302}]"#))
    #expect(spec.linux.devices[0].fileMode == 0o400000666)
  }

  @Test func theWholeRangeOfIdsIsMapped() throws {
    let all = #"[{"containerID": 0, "hostID": 0, "size": 4294967295}]"#
    _ = try parse(
      config(
        linux: #""namespaces": [{"type": "user"}], "uidMappings": \#(all), "gidMappings": \#(all)"#)
    )
  }

  @Test(arguments: [
    (#""defaultAction": "SCMP_ACT_NOTIFY""#, "defaultAction: SCMP_ACT_NOTIFY cannot be"),
    (#""defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096"#, "defaultErrnoRet: expected 0"),
    (#""defaultAction": "SCMP_ACT_LOG", "listenerMetadata": "x""#, "listenerMetadata: needs list"),
    (
      #""defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": [""], "action": "SCMP_ACT_LOG"}]"#,
      "syscalls[0].names[0]: is empty"
    ),
    (
      #""defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["a"], "action": "SCMP_ACT_NOTIFY"}]"#,
      "syscalls[0].action: SCMP_ACT_NOTIFY needs listenerPath"
    ),
    (
      #""defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["a"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5000}]"#,
      "syscalls[0].errnoRet: expected 0 to 4095"
    ),
    (
      #""defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["a"], "action": "SCMP_ACT_LOG", "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}]"#,
      "syscalls[0].args[0].index: expected 0 to 5, found 6"
    ),
  ]) func seccomp(members: String, expected: String) {
    #expect(fault(config(linux: "\"seccomp\": {\(members)}")).contains("linux.seccomp." + expected))
  }

  @Test func messagesHoldNoControlCharacters() {
    let message = fault(config(process: #""cwd": "\u001b[2J\nx""#))
    #expect(message.unicodeScalars.allSatisfy { $0.value >= 0x20 })
    let long = String(repeating: "x", count: 100_000)
    #expect(fault(config(process: "\"cwd\": \"\(long)\"")).utf8.count < 300)
  }
}

@Suite struct SysctlTests {
  @Test(arguments: [
    ("net.ipv4.ip_forward", ["net", "ipv4", "ip_forward"]),
    ("net/ipv4/ip_forward", ["net", "ipv4", "ip_forward"]),
    ("net.ipv4.conf.eth0/100.forwarding", ["net", "ipv4", "conf", "eth0.100", "forwarding"]),
    ("net/ipv4/conf/eth0.100/forwarding", ["net", "ipv4", "conf", "eth0.100", "forwarding"]),
  ]) func names(name: String, components: [String]) {
    #expect(Spec.Linux.Sysctl(name)?.components == components)
  }

  @Test(arguments: [
    "", "net", ".", "/", "net.", ".net", "net..x", "net//x", "/net/x", "net/../kernel/x",
    "net/./x", "net.ipv4. ", "net.a\nb", "../x", "..", "net...//x",
  ]) func otherNames(name: String) {
    // Whatever the name is, it leads to a file below /proc/sys or is refused.
    if let components = Spec.Linux.Sysctl(name)?.components {
      #expect(components.count > 1 && !components.contains { ["", ".", ".."].contains($0) })
      #expect(!components.contains { $0.contains("/") })
    } else {
      let text = config(linux: "\"sysctl\": {\(String(reflecting: name)): \"1\"}")
      #expect(fault(text).contains("is not the name of a kernel parameter"))
    }
  }

  @Test(arguments: [
    ("kernel.hostname", "uts", "is set by the property hostname"),
    ("kernel.foo", "uts", "belongs to no namespace, so it would change the host"),
    ("vm.swappiness", "uts", "belongs to no namespace"),
    ("kernel.shmmax.x", "ipc", "belongs to no namespace"),
    ("net.ipv4.ip_forward", "uts", "needs the network namespace in linux.namespaces"),
    ("kernel.shmmax", "uts", "needs the ipc namespace"),
    ("fs.mqueue.msg_max", "uts", "needs the ipc"),
    ("kernel.domainname", "ipc", "needs the uts namespace"),
  ]) func refused(name: String, kind: String, expected: String) {
    let text = config(
      linux: "\"namespaces\": [{\"type\": \"\(kind)\"}], \"sysctl\": {\"\(name)\": \"1\"}")
    #expect(fault(text).contains("linux.sysctl[\"\(name)\"]: \(expected)"))
  }

  @Test func domainnameTwice() {
    let text = config(
      #""domainname": "a""#,
      linux: #""namespaces": [{"type": "uts"}], "sysctl": {"kernel.domainname": "b"}"#)
    #expect(fault(text).contains("is set by the property domainname"))
  }
}
