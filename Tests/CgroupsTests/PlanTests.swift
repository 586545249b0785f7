import OCISpec
import Testing

@testable import Cgroups
@testable import Linux

typealias Resources = Spec.Linux.Resources

/// What is written to which file, without writing it: v2 cannot be had everywhere.
@Suite struct PlanTests {
  private func pairs(_ settings: [Setting]) -> [String] {
    settings.map { "\($0.file)=\($0.value)" }
  }

  private func none(_: String) -> String? { nil }

  @Test(
    arguments: [
      (2, 1), (3, 1), (28, 1), (29, 2), (1024, 39), (131072, 5000), (262144, 10000), (1, 1),
      (1 << 40, 10000),
    ] as [(UInt64, UInt64)])
  func sharesToWeight(shares: UInt64, weight: UInt64) {
    #expect(Resources.CPU.weight(shares: shares) == weight)
  }

  @Test(
    arguments: [(10, 1), (11, 11), (500, 4950), (1000, 10000), (5, 1), (2000, 10000)]
      as [(UInt16, Int)])
  func blockWeight(weight: UInt16, expected: Int) {
    #expect(Resources.BlockIO.unifiedWeight(weight) == expected)
  }

  @Test func unifiedCPU() throws {
    #expect(
      pairs(
        try Resources.CPU(shares: 1024, quota: 50000, period: 200000).unifiedSettings(read: none))
        == ["cpu.weight=39", "cpu.max=50000 200000"])
    #expect(
      pairs(try Resources.CPU(quota: -1).unifiedSettings(read: { _ in "5000 20000" }))
        == ["cpu.max=max 20000"])
    #expect(
      pairs(try Resources.CPU(quota: 7000).unifiedSettings(read: { _ in "5000 20000" }))
        == ["cpu.max=7000 20000"])
    #expect(
      pairs(try Resources.CPU(period: 50000).unifiedSettings(read: { _ in "max 100000" }))
        == ["cpu.max=max 50000"])
    #expect(
      pairs(
        try Resources.CPU(shares: 512, quota: 0, burst: 10, idle: 1).unifiedSettings(read: none))
        == ["cpu.weight=20", "cpu.idle=1", "cpu.max.burst=10"])
    #expect(
      pairs(try Resources.CPU(shares: 512, idle: 0).unifiedSettings(read: none))
        == ["cpu.idle=0", "cpu.weight=20"])
    #expect(try Resources.CPU(shares: 0, quota: 0, period: 0).unifiedSettings(read: none).isEmpty)
    for realtime in [Resources.CPU(realtimeRuntime: 1), Resources.CPU(realtimePeriod: 1)] {
      #expect(failure { _ = try realtime.unifiedSettings(read: none) }.contains("real-time"))
    }
    for shares in [1, 262145] as [UInt64] {
      for body in [
        { _ = try Resources.CPU(shares: shares).unifiedSettings(read: { _ in nil }) },
        { _ = try Resources.CPU(shares: shares).legacySettings() },
      ] as [() throws -> Void] {
        #expect(
          failure(body)
            == "linux.resources.cpu.shares: \(shares): out of range (give 2 to 262144)")
      }
    }
  }

  @Test func cpuset() throws {
    #expect(
      pairs(try Resources.CPU(cpus: "0-1", mems: "0").cpusetSettings())
        == ["cpuset.cpus=0-1", "cpuset.mems=0"])
    #expect(try Resources.CPU(cpus: "", mems: "").cpusetSettings().isEmpty)
  }

  private func memory(
    _ memory: Resources.Memory, files: [String: String] = ["memory.swap.max": "max"]
  ) throws -> [String] {
    var warnings: [String] = []
    return pairs(try memory.unifiedSettings(read: { files[$0] }, warnings: &warnings))
  }

  @Test func unifiedMemory() throws {
    #expect(
      try memory(.init(limit: 1000, reservation: 500, swap: 3000))
        == ["memory.swap.max=2000", "memory.max=1000", "memory.low=500"])
    #expect(
      try memory(.init(limit: 1000, swap: 1000)) == ["memory.swap.max=0", "memory.max=1000"])
    #expect(try memory(.init(limit: -1)) == ["memory.swap.max=max", "memory.max=max"])
    #expect(
      try memory(.init(limit: 1000, swap: -1)) == ["memory.swap.max=max", "memory.max=1000"])
    #expect(try memory(.init(limit: 1000)) == ["memory.max=1000"])
    #expect(try memory(.init(limit: 0, reservation: 0, swap: 0)).isEmpty)
    #expect(try memory(.init(reservation: -1)) == ["memory.low=max"])
    // Without swap accounting: what is so anyway is no error, a limit is (by the missing file).
    #expect(try memory(.init(limit: 1000, swap: 1000), files: [:]) == ["memory.max=1000"])
    #expect(
      try memory(.init(limit: 1000, swap: 1500), files: [:])
        == ["memory.swap.max=500", "memory.max=1000"])
    let refused: [(Resources.Memory, String)] = [
      (.init(limit: 1000, swap: 900), "linux.resources.memory.swap: 900: less than"),
      (.init(swap: 900), "linux.resources.memory.swap: 900: cgroup v2 needs"),
      (.init(limit: -1, swap: 900), "linux.resources.memory.swap: 900: cgroup v2 needs"),
      (.init(swappiness: 60), "linux.resources.memory.swappiness: 60: cgroup v2"),
      (.init(swappiness: 101), "linux.resources.memory.swappiness: 101: out of range"),
      (.init(disableOOMKiller: true), "linux.resources.memory.disableOOMKiller: true: cgroup v2"),
      (.init(kernelTCP: 1), "linux.resources.memory.kernelTCP: 1: cgroup v2"),
      (.init(useHierarchy: false), "linux.resources.memory.useHierarchy: false"),
    ]
    for (value, expected) in refused {
      let message = failure { _ = try memory(value) }
      #expect(message.hasPrefix(expected), "\(message)")
    }
    #expect(try memory(.init(disableOOMKiller: false, useHierarchy: true)).isEmpty)
  }

  @Test func kernelMemoryIsAWarning() throws {
    var warnings: [String] = []
    let memory = Resources.Memory(kernel: 4096)
    #expect(try memory.unifiedSettings(read: none, warnings: &warnings).isEmpty)
    #expect(try memory.legacySettings(read: none, warnings: &warnings).isEmpty)
    #expect(warnings.count == 2)
    #expect(warnings[0].hasPrefix("linux.resources.memory.kernel: 4096: ignored"))
  }

  @Test func checkBeforeUpdate() throws {
    let files = ["memory.current": "5000", "memory.usage_in_bytes": "5000"]
    let low = Resources.Memory(limit: 4096, checkBeforeUpdate: true)
    var warnings: [String] = []
    let expected = "linux.resources.memory.limit: 4096: the container uses 5000 bytes"
    #expect(failure { _ = try memory(low, files: files) }.hasPrefix(expected))
    #expect(
      failure { _ = try low.legacySettings(read: { files[$0] }, warnings: &warnings) }
        .hasPrefix(expected))
    #expect(
      try memory(.init(limit: 8192, checkBeforeUpdate: true), files: files)
        == ["memory.max=8192"])
    #expect(
      try memory(.init(limit: 4096, checkBeforeUpdate: false), files: files)
        == ["memory.max=4096"])
  }

  @Test func legacyMemory() throws {
    var warnings: [String] = []
    func plan(_ memory: Resources.Memory, _ files: [String: String]) throws -> [String] {
      pairs(try memory.legacySettings(read: { files[$0] }, warnings: &warnings))
    }
    let files = ["memory.memsw.limit_in_bytes": "1", "memory.oom_control": "oom_kill_disable 1\nx"]
    #expect(
      try plan(.init(limit: -1), files)
        == ["memory.limit_in_bytes=-1", "memory.memsw.limit_in_bytes=-1"])
    #expect(try plan(.init(limit: -1), [:]) == ["memory.limit_in_bytes=-1"])
    #expect(
      try plan(
        .init(limit: 5, reservation: 3, swap: 7, kernelTCP: 9, swappiness: 0), files)
        == [
          "memory.limit_in_bytes=5", "memory.memsw.limit_in_bytes=7",
          "memory.soft_limit_in_bytes=3", "memory.kmem.tcp.limit_in_bytes=9",
          "memory.swappiness=0",
        ])
    #expect(try plan(.init(disableOOMKiller: false), files) == ["memory.oom_control=0"])
    #expect(try plan(.init(disableOOMKiller: false), [:]).isEmpty)
    #expect(try plan(.init(disableOOMKiller: true), [:]) == ["memory.oom_control=1"])
  }

  @Test(
    arguments: [
      (nil, []), (0, []), (-1, ["pids.max=max"]), (-7, ["pids.max=max"]), (1, ["pids.max=1"]),
    ] as [(Int64?, [String])])
  func pids(limit: Int64?, expected: [String]) {
    #expect(pairs(Resources.Pids(limit: limit).settings()) == expected)
  }

  @Test func blockIO() throws {
    let all = Resources.BlockIO(
      weight: 500, weightDevice: [.init(major: 8, minor: 0, weight: 10)],
      throttleReadBpsDevice: [.init(major: 8, minor: 0, rate: 100)],
      throttleWriteBpsDevice: [.init(major: 8, minor: 16, rate: 0)],
      throttleReadIOPSDevice: [.init(major: 8, minor: 0, rate: 30)],
      throttleWriteIOPSDevice: [.init(major: 8, minor: 0, rate: 40)])
    #expect(
      pairs(try all.unifiedSettings(has: { _ in false })) == [
        "io.weight=4950", "io.weight=8:0 1", "io.max=8:0 rbps=100", "io.max=8:16 wbps=max",
        "io.max=8:0 riops=30", "io.max=8:0 wiops=40",
      ])
    #expect(
      pairs(try all.unifiedSettings(has: { $0 == "io.bfq.weight" })).prefix(2) == [
        "io.bfq.weight=500", "io.bfq.weight=8:0 10",
      ])
    #expect(
      pairs(all.legacySettings(has: { $0 == "blkio.weight" })) == [
        "blkio.weight=500", "blkio.weight_device=8:0 10",
        "blkio.throttle.read_bps_device=8:0 100", "blkio.throttle.write_bps_device=8:16 0",
        "blkio.throttle.read_iops_device=8:0 30", "blkio.throttle.write_iops_device=8:0 40",
      ])
    #expect(
      pairs(all.legacySettings(has: { _ in false })).prefix(2) == [
        "blkio.bfq.weight=500", "blkio.bfq.weight_device=8:0 10",
      ])
    let leaf = Resources.BlockIO(
      leafWeight: 20, weightDevice: [.init(major: 8, minor: 0, leafWeight: 30)])
    #expect(
      pairs(leaf.legacySettings(has: { _ in true })) == [
        "blkio.leaf_weight=20", "blkio.leaf_weight_device=8:0 30",
      ])
    #expect(
      failure { _ = try leaf.unifiedSettings(has: { _ in true }) }
        .hasPrefix("linux.resources.blockIO.leafWeight: 20: cgroup v2"))
  }

  @Test func hugetlb() throws {
    let limits = [Resources.HugepageLimit(pageSize: "2MB", limit: 4096)]
    #expect(
      pairs(try limits.settings(version: .v1, has: { _ in true }))
        == ["hugetlb.2MB.limit_in_bytes=4096", "hugetlb.2MB.rsvd.limit_in_bytes=4096"])
    #expect(
      pairs(try limits.settings(version: .v2, has: { _ in false })) == ["hugetlb.2MB.max=4096"])
  }

  @Test(arguments: [
    "", "MB", "2mb", "../../x", "2MB/..", "2 MB", "2TB", "\u{0662}MB", "2M\u{301}B",
  ])
  func hugetlbSizes(size: String) {
    let message = failure {
      _ = try [Resources.HugepageLimit(pageSize: size, limit: 1)].settings(
        version: .v2, has: { _ in false })
    }
    #expect(message.contains("hugepageLimits[0].pageSize: \(size): not a size of pages"))
  }

  @Test func rdmaAndNetwork() throws {
    #expect(
      pairs(
        try ["mlx5_1": Resources.Rdma(hcaHandles: 3), "a": .init(hcaHandles: 1, hcaObjects: 2)]
          .rdmaSettings()) == [
          "rdma.max=a hca_handle=1 hca_object=2", "rdma.max=mlx5_1 hca_handle=3",
        ])
    #expect(try ["a": Resources.Rdma()].rdmaSettings().isEmpty)
    for name in ["", "a b", "a\nb"] {
      #expect(failure { _ = try [name: Resources.Rdma(hcaHandles: 1)].rdmaSettings() } != "")
    }
    let network = Resources.Network(
      classID: 1_048_577, priorities: [.init(name: "lo", priority: 3)])
    #expect(pairs(network.classSettings()) == ["net_cls.classid=1048577"])
    #expect(pairs(try network.prioritySettings()) == ["net_prio.ifpriomap=lo 3"])
    for name in ["", "a b", "interface0123456"] {
      let network = Resources.Network(priorities: [.init(name: name, priority: 3)])
      #expect(
        failure { _ = try network.prioritySettings() }
          .hasPrefix("linux.resources.network.priorities[0].name"))
    }
  }

  @Test func unifiedFiles() throws {
    #expect(
      pairs(try unifiedFileSettings(["io.max": "8:0 rbps=1\n8:16 rbps=2\n", "memory.high": "5"]))
        == ["io.max=8:0 rbps=1", "io.max=8:16 rbps=2", "memory.high=5"])
    for file in [
      "", "memory", ".", "..", "../memory.max", "a/memory.max", ".max", "memory.max\n",
      "cgroup.procs", "cgroup.threads", "cgroup.kill", "memory.max\u{0}",
    ] {
      #expect(failure { _ = try unifiedFileSettings([file: "1"]) } != "", "\(file)")
    }
  }

  @Test func neededControllers() {
    #expect(Resources().neededControllers.isEmpty)
    #expect(Resources(pids: .init(limit: 0)).neededControllers.isEmpty)
    let all = Resources(
      memory: .init(limit: 1), cpu: .init(shares: 2, cpus: "0"), pids: .init(limit: 1),
      blockIO: .init(weight: 10), hugepageLimits: [.init(pageSize: "2MB", limit: 0)],
      rdma: ["x": .init()])
    #expect(
      all.neededControllers.map(\.name) == [
        "memory", "cpuset", "cpu", "pids", "io", "hugetlb", "rdma",
      ])
    #expect(Resources(cpu: .init(cpus: "0")).neededControllers.map(\.name) == ["cpuset"])
  }
}
