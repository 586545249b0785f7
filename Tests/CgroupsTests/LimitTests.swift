import CLinux
import Foundation
import OCISpec
import Testing

@testable import Cgroups
@testable import Linux

/// Limits in the machine's own hierarchies: what the files hold, and that they hold processes.
@Suite(.serialized, .enabled(if: canMakeCgroups)) struct LimitTests {
  @Test(.enabled(if: machineHas("pids"))) func theLimitOfProcesses() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    try cgroup.apply(.init(pids: .init(limit: 3)))
    #expect(try site.read("pids", "pids.max") == "3")
    let member = try Member(site.placement, "sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait")
    // dash gives up when it cannot fork.
    #expect(try member.finish().code == 2)
    try cgroup.kill()
    try cgroup.apply(.init(pids: .init(limit: -1)), scope: .update)
    #expect(try site.read("pids", "pids.max") == "max")
  }

  @Test(.enabled(if: machineHas("memory"))) func theLimitOfMemoryKills() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    try cgroup.apply(.init(memory: .init(limit: 16 << 20, swap: 16 << 20)))
    var monitor = try OOMMonitor(cgroup)
    #expect(try monitor.next() == nil)
    let member = try Member(site.placement, "exec tail /dev/zero")
    #expect(try member.finish().code == 137)
    var poll = pollfd(fd: monitor.descriptor.rawValue, events: monitor.events, revents: 0)
    #expect(cl_poll(&poll, 1, 5000) == 1)
    #expect(try monitor.next() == .oom)
    #expect(try monitor.next() == nil)
    try cgroup.remove()
    #expect(cl_poll(&poll, 1, 5000) == 1)
    #expect(try monitor.next() == .removed)
  }

  @Test(.enabled(if: machineHas("memory"))) func memoryAndSwapInEitherOrder() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    let files = ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]
    for (limit, swap) in [(64, 128), (256, 512), (32, 64), (100, 100), (16, 16), (200, -1)] {
      try cgroup.apply(
        .init(memory: .init(limit: Int64(limit) << 20, swap: swap < 0 ? -1 : Int64(swap) << 20)),
        scope: .update)
      #expect(try site.read("memory", files[0]) == "\(limit << 20)")
      if swap > 0 { #expect(try site.read("memory", files[1]) == "\(swap << 20)") }
    }
    try cgroup.apply(.init(memory: .init(limit: 64 << 20, swap: 64 << 20)), scope: .update)
    // Memory alone without a limit takes the limit of both along.
    try cgroup.apply(.init(memory: .init(limit: -1)), scope: .update)
    for file in files { #expect(try Int64(site.read("memory", file))! > 1 << 60) }
    // What is not given stays.
    try cgroup.apply(.init(memory: .init(reservation: 8 << 20, swappiness: 7)), scope: .update)
    try cgroup.apply(.init(memory: .init(limit: 64 << 20)), scope: .update)
    #expect(try site.read("memory", "memory.soft_limit_in_bytes") == "\(8 << 20)")
    #expect(try site.read("memory", "memory.swappiness") == "7")
    // The OOM killer off and on.
    for (disabled, text) in [(true, "1"), (false, "0")] {
      try cgroup.apply(.init(memory: .init(disableOOMKiller: disabled)), scope: .update)
      #expect(
        try site.read("memory", "memory.oom_control").hasPrefix("oom_kill_disable \(text)"))
    }
  }

  @Test(.enabled(if: machineHas("memory"))) func aLimitBelowTheUse() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    let member = try Member(
      site.placement, "x=$(head -c 8000000 /dev/zero | tr '\\0' a); echo ready; sleep 100")
    // Until the shell has its string.
    for _ in 0..<200 {
      if let use = Int(try site.read("memory", "memory.usage_in_bytes")), use > 8_000_000 { break }
      usleep(10_000)
    }
    let message = failure {
      try cgroup.apply(.init(memory: .init(limit: 4096)), scope: .update)
    }
    #expect(
      message.hasPrefix(
        "linux.resources.memory.limit: 4096: cgroup memory.limit_in_bytes: Device or resource busy"),
      "\(message)")
    #expect(message.contains("the container uses "))
    let checked = failure {
      try cgroup.apply(
        .init(memory: .init(limit: 4096, checkBeforeUpdate: true)), scope: .update)
    }
    #expect(checked.contains("checkBeforeUpdate is set"))
    try cgroup.kill()
    #expect(try member.finish().code == 137)
  }

  @Test(.enabled(if: machineHas("cpu"))) func theQuotaThrottles() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    try cgroup.apply(.init(cpu: .init(shares: 512, quota: 5000, period: 50000)))
    #expect(try site.read("cpu", "cpu.shares") == "512")
    let member = try Member(site.placement, "while :; do :; done")
    usleep(500_000)
    let statistics = try cgroup.statistics()
    #expect(statistics.cpu.throttledPeriods > 2)
    // A tenth of the half second; more than three tenths would be no quota.
    #expect(statistics.cpu.total < 150_000_000)
    try cgroup.kill()
    #expect(try member.finish().code == 137)
  }

  @Test(.enabled(if: machineHas("cpu"))) func quotaPeriodAndBurstInAnyOrder() throws {
    let site = try Site(below: "/inner")
    let outer = try Cgroup(
      opening: CgroupPlacement(
        paths: try Cgroup.create(site.placement).paths.mapValues { String($0.dropLast(6)) }))
    // The cgroup above allows a tenth of a CPU: in between, the ratio must not be greater.
    try outer.apply(.init(cpu: .init(quota: 10000, period: 100000)), scope: .update)
    let cgroup = try Cgroup(opening: site.placement)
    for (quota, period, burst) in [
      (10000, 100000, 0), (2000, 20000, 1000), (50000, 500000, 40000), (1000, 10000, 0),
      (100000, 1_000_000, 100000), (1500, 100000, 1500),
    ] as [(Int64, UInt64, UInt64)] {
      try cgroup.apply(
        .init(cpu: .init(quota: quota, burst: burst, period: period)), scope: .update)
      #expect(try site.read("cpu", "cpu.cfs_quota_us") == "\(quota)")
      #expect(try site.read("cpu", "cpu.cfs_period_us") == "\(period)")
      #expect(try site.read("cpu", "cpu.cfs_burst_us") == "\(burst)")
    }
    let message = failure {
      try cgroup.apply(.init(cpu: .init(quota: 90000, period: 100000)), scope: .update)
    }
    #expect(
      message.hasPrefix("linux.resources.cpu.quota: 90000: cgroup cpu.cfs_quota_us: Invalid"),
      "\(message)")
    // The same refused: quota alone.
    #expect(
      failure { try cgroup.apply(.init(cpu: .init(quota: 10)), scope: .update) }
        .hasPrefix("linux.resources.cpu.quota: 10: cgroup cpu.cfs_quota_us: Invalid argument"))
  }

  @Test(.enabled(if: machineHas("cpu"))) func idle() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    try cgroup.apply(.init(cpu: .init(shares: 100, idle: 1)), scope: .update)
    #expect(try site.read("cpu", "cpu.idle") == "1")
    try cgroup.apply(.init(cpu: .init(shares: 200, idle: 0)), scope: .update)
    #expect(try site.read("cpu", "cpu.shares") == "200")
  }

  @Test(.enabled(if: machineHas("cpuset"))) func cpus() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    try cgroup.apply(.init(cpu: .init(cpus: "0", mems: "0")))
    #expect(try site.read("cpuset", "cpuset.cpus") == "0")
    let member = try Member(site.placement, "grep Cpus_allowed_list /proc/self/status")
    #expect(try member.finish().output == "Cpus_allowed_list:\t0\n")
    let message = failure { try cgroup.apply(.init(cpu: .init(cpus: "4000")), scope: .update) }
    #expect(message.hasPrefix("linux.resources.cpu.cpus: 4000: cgroup cpuset.cpus: "))
    #expect(message.contains("name CPUs and memory nodes that exist"))
  }

  @Test(.enabled(if: machineHas("blkio"))) func blockIO() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    let message = failure {
      try cgroup.apply(
        .init(
          blockIO: .init(throttleReadBpsDevice: [.init(major: 4000, minor: 0, rate: 100)])),
        scope: .update)
    }
    #expect(
      message.hasPrefix(
        "linux.resources.blockIO.throttleReadBpsDevice[0]: 4000:0 100: cgroup"
          + " blkio.throttle.read_bps_device: No such device"))
    #expect(
      failure { try cgroup.apply(.init(blockIO: .init(leafWeight: 100)), scope: .update) }
        .contains("blockIO.leafWeight: 100: cgroup blkio.leaf_weight: No such file"))
    guard let device = try Self.wholeDisk() else { return }
    try cgroup.apply(
      .init(
        blockIO: .init(throttleWriteIOPSDevice: [.init(major: device.0, minor: device.1, rate: 77)])
      ),
      scope: .update)
    #expect(
      try site.read("blkio", "blkio.throttle.write_iops_device") == "\(device.0):\(device.1) 77")
  }

  private static func wholeDisk() throws -> (Int64, Int64)? {
    for name in try FileManager.default.contentsOfDirectory(atPath: "/sys/block") {
      let numbers = try File.readText("/sys/block/\(name)/dev").split(separator: "\n")[0]
        .split(separator: ":").compactMap { Int64($0) }
      if numbers.count == 2 { return (numbers[0], numbers[1]) }
    }
    return nil
  }

  /// On a hybrid machine v2 has what no v1 hierarchy took.
  @Test(.enabled(if: isHybrid && !machineHas("hugetlb"))) func hugetlbOnTheUnifiedSide() throws {
    let root = try CgroupLayout.detect().hierarchies.first { $0.isUnified }!.mountPoint
    let control = root + "/cgroup.subtree_control"
    guard try File.readText(root + "/cgroup.controllers").contains("hugetlb"),
      let size = Cgroup.hugepageSizes().first
    else { return }
    let wasEnabled = try File.readText(control).contains("hugetlb")
    do {
      let site = try Site(below: "/inner")
      let resources = Resources(hugepageLimits: [.init(pageSize: size, limit: 1 << 30)])
      let cgroup = try Cgroup.create(site.placement, resources: resources)
      try cgroup.apply(resources)
      #expect(
        try File.readText(site.unifiedPath + "/hugetlb.\(size).max") == "\(1 << 30)\n")
      #expect(
        try File.readText(site.unifiedPath + "/hugetlb.\(size).rsvd.max") == "\(1 << 30)\n")
      #expect(try cgroup.statistics().hugetlb.keys.contains(size))
      let message = failure {
        try cgroup.apply(.init(hugepageLimits: [.init(pageSize: "3MB", limit: 1)]), scope: .update)
      }
      #expect(
        message
          == "linux.resources.hugepageLimits[0]: 3MB 1: cgroup hugetlb.3MB.max: No such file or"
          + " directory (the kernel has no huge pages of this size: see /sys/kernel/mm/hugepages)")
    }
    if !wasEnabled { try File.write(control, "-hugetlb") }
  }

  @Test(.enabled(if: isHybrid && !machineHas("hugetlb"))) func controllersCannotPassProcesses()
    throws
  {
    let root = try CgroupLayout.detect().hierarchies.first { $0.isUnified }!.mountPoint
    guard try File.readText(root + "/cgroup.controllers").contains("hugetlb") else { return }
    let wasEnabled = try File.readText(root + "/cgroup.subtree_control").contains("hugetlb")
    do {
      let site = try Site(unifiedOnly: true, below: "/inner")
      try File.makeDirectories(site.unifiedPath)
      let parent = String(site.unifiedPath.dropLast("/inner".count))
      let member = try Member(CgroupPlacement(paths: ["": parent]), "exec sleep 100")
      let resources = Resources(hugepageLimits: [.init(pageSize: "2MB", limit: 1 << 30)])
      let message = failure { _ = try Cgroup.create(site.placement, resources: resources) }
      #expect(
        message.contains("controller hugetlb cannot be enabled") && message.contains("busy")
          && message.contains("has processes itself"), "\(message)")
      kill(member.pid, SIGKILL)
      _ = try member.finish()
    }
    if !wasEnabled { try File.write(root + "/cgroup.subtree_control", "-hugetlb") }
  }

  @Test(.enabled(if: isHybrid)) func aThreadedCgroupHoldsNoContainer() throws {
    let site = try Site(unifiedOnly: true, below: "/inner")
    try File.makeDirectories(site.unifiedPath)
    let parent = String(site.unifiedPath.dropLast("/inner".count))
    try File.write(parent + "/cgroup.type", "threaded")
    let cgroup = try Cgroup(opening: site.placement)
    let message = failure { try cgroup.add(pid: getpid()) }
    #expect(message.contains("joining: ") && message.contains("cgroup.type is "), "\(message)")
  }

  /// Nothing on the machine changes for a container that asks for nothing.
  @Test(.enabled(if: isHybrid)) func noControllerIsEnabledUnasked() throws {
    let root = try CgroupLayout.detect().hierarchies.first { $0.isUnified }!.mountPoint
    let before = try File.readText(root + "/cgroup.subtree_control")
    let site = try Site()
    var cgroup = try Cgroup.create(site.placement.unified)
    try cgroup.extend(site.placement.legacy)
    #expect(try File.readText(root + "/cgroup.subtree_control") == before)
  }

  @Test(.enabled(if: machineHas("memory"))) func unifiedIsRefusedBesideV1() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    #expect(
      failure { try cgroup.apply(.init(unified: ["memory.max": "1"])) }
        .hasPrefix("linux.resources.unified: this machine has cgroup v1 hierarchies"))
  }

  /// The v2 side alone stands for a pure v2 machine.
  @Test(.enabled(if: isHybrid)) func unifiedFiles() throws {
    let site = try Site(unifiedOnly: true)
    try File.makeDirectories(site.unifiedPath)
    let cgroup = try Cgroup(opening: CgroupPlacement(paths: site.placement.paths))
    try cgroup.apply(.init(unified: ["cgroup.max.depth": "5"]), scope: .update)
    #expect(try File.readText(site.unifiedPath + "/cgroup.max.depth") == "5\n")
    #expect(
      failure { try cgroup.apply(.init(unified: ["memory.max": "1"]), scope: .update) }
        .contains("the controller memory is not available in"))
    #expect(
      failure { try cgroup.apply(.init(unified: ["cgroup.max.depth": "x"]), scope: .update) }
        .hasPrefix("linux.resources.unified[\"cgroup.max.depth\"]: x: cgroup cgroup.max.depth: "))
    #expect(
      failure { try cgroup.apply(.init(memory: .init(limit: 1 << 20)), scope: .update) }
        == "linux.resources.memory.limit: 1048576: the memory controller is in none of the mounted"
        + " cgroup hierarchies (mount it, boot with it enabled, or remove the limit)")
    #expect(
      failure {
        _ = try Cgroup.create(site.placement, resources: .init(memory: .init(limit: 1 << 20)))
      }.contains("linux.resources.memory: cgroup v2 controller memory cannot be enabled"))
  }

  @Test func limitsWithoutACgroup() throws {
    let none = Cgroup()
    let isEmpty = none.isEmpty
    #expect(isEmpty)
    try none.apply(.init(devices: [.init(allow: false)]))
    #expect(
      failure { try none.apply(.init(pids: .init(limit: 5))) }
        .hasPrefix("linux.resources.pids.limit: 5: the container has no cgroup"))
    #expect(failure { _ = try none.statistics() }.contains("no cgroup to count in"))
    #expect(failure { try none.freeze() }.contains("no freezer"))
    #expect(try none.processes().isEmpty)
    try none.kill()
    try none.remove()
  }

  @Test(.enabled(if: machineHas("memory"))) func missingControllers() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    for (controller, field, resources) in [
      ("net_cls", "network.classID: 5", Resources(network: .init(classID: 5))),
      (
        "net_prio", "network.priorities[0]: lo 5",
        Resources(network: .init(priorities: [.init(name: "lo", priority: 5)]))
      ),
      ("rdma", "rdma[\"x\"]: x hca_object=1", Resources(rdma: ["x": .init(hcaObjects: 1)])),
    ] where !machineHas(controller) {
      let message = failure { try cgroup.apply(resources, scope: .update) }
      #expect(
        message.hasPrefix("linux.resources.\(field): the \(controller) controller is in none of"),
        "\(message)")
    }
  }

  @Test(.enabled(if: machineHas("net_cls") && machineHas("net_prio"))) func network() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    try cgroup.apply(
      .init(network: .init(classID: 1_048_577, priorities: [.init(name: "lo", priority: 3)])))
    #expect(try site.read("net_cls", "net_cls.classid") == "1048577")
    #expect(try site.read("net_prio", "net_prio.ifpriomap").contains("lo 3"))
    let message = failure {
      try cgroup.apply(
        .init(network: .init(priorities: [.init(name: "nosuch", priority: 3)])), scope: .update)
    }
    #expect(
      message.hasPrefix(
        "linux.resources.network.priorities[0]: nosuch 3: cgroup net_prio.ifpriomap: No such device"
      ),
      "\(message)")
  }

  @Test(.enabled(if: machineHas("hugetlb"))) func hugetlbOnTheLegacySide() throws {
    guard let size = Cgroup.hugepageSizes().first else { return }
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    try cgroup.apply(.init(hugepageLimits: [.init(pageSize: size, limit: 1 << 30)]))
    #expect(try site.read("hugetlb", "hugetlb.\(size).limit_in_bytes") == "\(1 << 30)")
    #expect(try site.read("hugetlb", "hugetlb.\(size).rsvd.limit_in_bytes") == "\(1 << 30)")
    #expect(try cgroup.statistics().hugetlb.keys.contains(size))
  }
}
