import CLinux
import Foundation
import OCISpec
import Testing

@testable import Cgroups
@testable import Linux

/// Whether v2 is alone and has this controller: so in the testbed, and on today's distributions.
func unifiedHas(_ controllers: String...) -> Bool {
  guard canMakeCgroups, let layout = try? CgroupLayout.detect(), layout.isUnified,
    let text = try? File.readText(layout.hierarchies[0].mountPoint + "/cgroup.controllers")
  else { return false }
  let available = text.split { $0 == " " || $0 == "\n" }
  return controllers.allSatisfy { name in available.contains { $0 == name } }
}

/// What `PlanTests` plans, on a kernel where v2 has the controllers.
@Suite(.serialized, .enabled(if: unifiedHas("cpu", "memory", "pids"))) struct UnifiedTests {
  private func read(_ site: Site, _ file: String) throws -> String {
    try File.readText(site.unifiedPath + "/" + file).trimmingCharacters(in: .newlines)
  }

  @Test func controllersAreEnabledFromTheTop() throws {
    let site = try Site(below: "/a/b")
    _ = try Cgroup.create(site.placement)
    let controllers = try read(site, "cgroup.controllers")
    for name in ["cpu", "memory", "pids", "io", "cpuset"] where unifiedHas(name) {
      #expect(controllers.contains(name), "\(controllers)")
    }
    // For its own children the container enables them itself.
    #expect(try read(site, "cgroup.subtree_control") == "")
  }

  @Test func limits() throws {
    let site = try Site()
    let resources = Resources(
      memory: .init(limit: 64 << 20, reservation: 32 << 20, swap: 96 << 20),
      cpu: .init(shares: 512, quota: 20000, burst: 1000, period: 50000), pids: .init(limit: 50))
    let cgroup = try Cgroup.create(site.placement, resources: resources)
    #expect(try cgroup.apply(resources) == [])
    let expected = [
      "memory.max": "\(64 << 20)", "memory.low": "\(32 << 20)", "memory.swap.max": "\(32 << 20)",
      "cpu.weight": "20", "cpu.max": "20000 50000", "cpu.max.burst": "1000", "pids.max": "50",
    ]
    for (file, value) in expected { #expect(try read(site, file) == value, "\(file)") }
    // An update of one value leaves the others.
    try cgroup.apply(.init(cpu: .init(quota: 30000)), scope: .update)
    #expect(try read(site, "cpu.max") == "30000 50000")
    try cgroup.apply(.init(cpu: .init(period: 40000)), scope: .update)
    #expect(try read(site, "cpu.max") == "30000 40000")
    try cgroup.apply(.init(cpu: .init(quota: 500000, burst: 400000)), scope: .update)
    #expect(try read(site, "cpu.max.burst") == "400000")
    try cgroup.apply(.init(cpu: .init(quota: 2000, burst: 0)), scope: .update)
    try cgroup.apply(
      .init(memory: .init(limit: -1), cpu: .init(quota: -1), pids: .init(limit: -1)),
      scope: .update)
    #expect(try read(site, "cpu.max") == "max 40000")
    for file in ["memory.max", "memory.swap.max", "pids.max"] {
      #expect(try read(site, file) == "max", "\(file)")
    }
    try cgroup.apply(.init(cpu: .init(shares: 1024, idle: 0)), scope: .update)
    try cgroup.apply(.init(cpu: .init(idle: 1)), scope: .update)
    #expect(try read(site, "cpu.idle") == "1")
    try cgroup.apply(
      .init(unified: ["memory.high": "33554432", "cgroup.max.depth": "3"]), scope: .update)
    #expect(try read(site, "memory.high") == "33554432")
    #expect(
      failure { try cgroup.apply(.init(cpu: .init(quota: 10)), scope: .update) }
        .hasPrefix("linux.resources.cpu.quota: 10: cgroup cpu.max: Invalid argument"))
  }

  @Test func processesAndMemoryAreHeld() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    try cgroup.apply(.init(pids: .init(limit: 2)))
    let forks = try Member(site.placement, "sleep 1 & sleep 1 & sleep 1 & wait")
    #expect(try forks.finish().code != 0)
    try cgroup.kill()
    try cgroup.apply(
      .init(memory: .init(limit: 16 << 20, swap: 16 << 20), pids: .init(limit: -1)),
      scope: .update)
    var monitor = try OOMMonitor(cgroup)
    #expect(try monitor.next() == nil)
    let member = try Member(site.placement, "exec tail /dev/zero")
    #expect(try member.finish().code == 137)
    var poll = pollfd(fd: monitor.descriptor.rawValue, events: monitor.events, revents: 0)
    #expect(cl_poll(&poll, 1, 5000) == 1)
    #expect(try monitor.next() == .oom)
    #expect(try monitor.next() == nil)
    try cgroup.remove()
    #expect(try monitor.next() == .removed)
  }

  @Test func statistics() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    try cgroup.apply(.init(cpu: .init(quota: 5000, period: 50000), pids: .init(limit: 20)))
    let member = try Member(site.placement, "while :; do :; done")
    usleep(500_000)
    let statistics = try cgroup.statistics()
    #expect(statistics.cpu.throttledPeriods > 2)
    #expect(statistics.cpu.total > 1_000_000 && statistics.cpu.total < 200_000_000)
    #expect(statistics.memory.usage.usage > 0)
    #expect(statistics.memory.usage.limit == .max && statistics.memory.swap.limit == .max)
    #expect(statistics.memory.raw["anon"] != nil)
    #expect(statistics.pids == Statistics.Pids(current: 1, limit: 20))
    try cgroup.freeze()
    #expect(try cgroup.isFrozen())
    try cgroup.kill()
    #expect(try member.finish().code == 137)
    try cgroup.remove()
  }

  @Test(.enabled(if: unifiedHas("cpuset"))) func cpus() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    try cgroup.apply(.init(cpu: .init(cpus: "0", mems: "0")))
    #expect(try read(site, "cpuset.cpus") == "0")
  }

  @Test(.enabled(if: unifiedHas("io"))) func blockIO() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    #expect(
      failure {
        try cgroup.apply(
          .init(blockIO: .init(throttleReadBpsDevice: [.init(major: 4000, minor: 0, rate: 1)])),
          scope: .update)
      }.hasPrefix(
        "linux.resources.blockIO.throttleReadBpsDevice[0]: 4000:0 1: cgroup io.max: No such device")
    )
    guard let text = try? File.readText("/sys/block/vda/dev"),
      let device = ControlText.device(Substring(text.dropLast()))
    else { return }
    let (major, minor) = (Int64(device.major), Int64(device.minor))
    try cgroup.apply(
      .init(
        blockIO: .init(
          throttleReadBpsDevice: [.init(major: major, minor: minor, rate: 1 << 20)],
          throttleWriteIOPSDevice: [.init(major: major, minor: minor, rate: 10)])),
      scope: .update)
    #expect(
      try read(site, "io.max") == "\(major):\(minor) rbps=1048576 wbps=max riops=max wiops=10")
    try cgroup.apply(
      .init(
        blockIO: .init(throttleReadBpsDevice: [.init(major: major, minor: minor, rate: 0)])),
      scope: .update)
    #expect(try read(site, "io.max") == "\(major):\(minor) rbps=max wbps=max riops=max wiops=10")
    let member = try Member(site.placement, "dd if=/dev/vda of=/dev/null bs=65536 count=4")
    #expect(try member.finish().code == 0)
    #expect(
      try cgroup.statistics().blockIO.serviceBytes.contains {
        $0.operation == "Read" && $0.value >= 65536
      })
  }

  /// A container whose init made cgroups below its own: exec goes where init is.
  @Test func anInnerManager() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    let inner = CgroupPlacement(paths: ["": site.unifiedPath + "/init"])
    try File.makeDirectories(site.unifiedPath + "/init")
    let member = try Member(inner, "exec sleep 100")
    try File.write(site.unifiedPath + "/cgroup.subtree_control", "+pids")
    let refused = failure { try cgroup.add(pid: member.pid) }
    #expect(refused.contains("it has the controllers pids enabled for its children"), "\(refused)")
    let found = try Cgroup(of: member.pid, in: try CgroupLayout.detect())
    #expect(found.paths == inner.paths)
    try cgroup.kill()
    #expect(try member.finish().code == 137)
    try cgroup.remove()
  }

  @Test func aParentWithProcesses() throws {
    let site = try Site(below: "/inner")
    let parent = String(site.unifiedPath.dropLast("/inner".count))
    try File.makeDirectories(parent)
    let member = try Member(CgroupPlacement(paths: ["": parent]), "exec sleep 100")
    // Nothing that needs a controller is asked for: it goes without.
    let without = try Cgroup.create(site.placement)
    #expect(try read(site, "cgroup.type") == "domain")
    let inside = try Member(site.placement, "true")
    #expect(try inside.finish().code == 0)
    try without.remove()
    let message = failure {
      _ = try Cgroup.create(site.placement, resources: .init(pids: .init(limit: 5)))
    }
    #expect(
      message.hasPrefix("linux.resources.pids: cgroup v2 controller pids cannot be enabled")
        && message.contains("has processes itself"), "\(message)")
    #expect(!File.exists(site.unifiedPath))
    kill(member.pid, SIGKILL)
    _ = try member.finish()
  }

  @Test func devicesAndWhatHasNoPlaceOnV2() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    try cgroup.apply(.init(devices: [.init(allow: false)]))
    let member = try Member(
      site.placement, "exec 2>&1; : > /dev/null && echo null; (: < /dev/kmsg) && echo kmsg")
    #expect(try member.finish().output.split(separator: "\n").contains("null"))
    let again = try Member(site.placement, "(: < /dev/kmsg) 2>/dev/null || echo refused")
    #expect(try again.finish().output == "refused\n")
    #expect(
      failure { try cgroup.apply(.init(network: .init(classID: 5)), scope: .update) }
        .hasPrefix("linux.resources.network.classID: 5: the net_cls controller is in none of"))
  }
}
