import CLinux
import Foundation
import JSON
import OCISpec
import Testing

@testable import Cgroups
@testable import Linux

@Suite struct StatisticsTests {
  private func json(_ statistics: Statistics) -> String {
    var writer = JSONWriter()
    statistics.write(id: "x", to: &writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  @Test func theEmptyOnesAreAsRuncPrintsThem() {
    let memory =
      #"{"usage":{"limit":0,"failcnt":0},"swap":{"limit":0,"failcnt":0},"#
      + #""kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0}}"#
    #expect(
      json(Statistics())
        == #"{"type":"stats","id":"x","data":{"cpu":{"usage":{"kernel":0,"user":0},"#
        + #""throttling":{}},"cpuset":{"cpu_exclusive":0,"mem_hardwall":0,"mem_exclusive":0,"#
        + #""memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,"#
        + #""memory_pressure":0,"sched_load_balance":0,"sched_relax_domain_level":0},"memory":"#
        + memory
        + #","pids":{},"blkio":{},"hugetlb":{},"intel_rdt":{},"network_interfaces":null}}"#)
  }

  /// The files and the line of runc 1.1.5 for them, both taken on this class of machine.
  @Test func legacyAsRuncPrintsIt() {
    let files = [
      "cpu.stat": "nr_periods 14\nnr_throttled 12\nthrottled_time 906431979\nnr_bursts 0",
      "cpuacct.usage": "248605554", "cpuacct.stat": "user 24\nsystem 0",
      "cpuacct.usage_percpu": "1602894 247002660 ",
      "cpuacct.usage_all": "cpu user system\n0 0 0\n1 272000000 8000000",
      "cpuset.cpus": "0-1", "cpuset.mems": "0", "cpuset.sched_load_balance": "1",
      "cpuset.sched_relax_domain_level": "-1",
      "memory.stat": "cache 1990656\nrss 53248", "memory.limit_in_bytes": "67108864",
      "memory.usage_in_bytes": "2523136", "memory.max_usage_in_bytes": "2912256",
      "memory.failcnt": "0", "memory.memsw.limit_in_bytes": "9223372036854771712",
      "pids.current": "1", "pids.max": "50",
      "blkio.bfq.io_serviced_recursive": "Total 0",
      "blkio.throttle.io_serviced_recursive": "254:0 Read 5\n254:16 Write 0\nTotal 5",
      "blkio.throttle.io_service_bytes_recursive": "254:0 Read 1986560\nTotal 1986560",
    ]
    let reader = LegacyStatistics { _, file in files[file] }
    var statistics = Statistics()
    statistics.cpu = reader.cpu()
    statistics.cpuset = reader.cpuset()
    statistics.memory = reader.memory()
    statistics.pids = reader.pids()
    statistics.blockIO = reader.blockIO()
    let text = json(statistics)
    for part in [
      #""cpu":{"usage":{"total":248605554,"percpu":[1602894,247002660],"#
        + #""percpu_kernel":[0,8000000],"percpu_user":[0,272000000],"kernel":0,"#
        + #""user":240000000},"throttling":{"periods":14,"throttledPeriods":12,"#
        + #""throttledTime":906431979}}"#,
      #""cpuset":{"cpus":[0,1],"cpu_exclusive":0,"mems":[0],"#,
      #""sched_load_balance":1,"sched_relax_domain_level":-1}"#,
      #""memory":{"cache":1990656,"usage":{"limit":67108864,"usage":2523136,"max":2912256,"#
        + #""failcnt":0},"swap":{"limit":9223372036854771712,"failcnt":0}"#,
      #""raw":{"cache":1990656,"rss":53248}}"#, #""pids":{"current":1,"limit":50}"#,
      #""blkio":{"ioServiceBytesRecursive":[{"major":254,"op":"Read","value":1986560}],"#
        + #""ioServicedRecursive":[{"major":254,"op":"Read","value":5},"#
        + #"{"major":254,"minor":16,"op":"Write"}]}"#,
    ] {
      #expect(text.contains(part), "\(part)\n\(text)")
    }
  }

  @Test func unified() {
    let files = [
      "cpu.stat":
        "usage_usec 248605\nuser_usec 241502\nsystem_usec 7103\nnr_periods 3\nnr_throttled 2\nthrottled_usec 9",
      "cpu.pressure":
        "some avg10=1.50 avg60=0.07 avg300=12.00 total=1734\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=2",
      "memory.stat": "anon 10\nfile 4096", "memory.current": "8192", "memory.max": "16384",
      "memory.peak": "9000", "memory.swap.current": "100", "memory.swap.max": "1000",
      "pids.current": "2", "pids.max": "max",
      "io.stat": "8:0 rbytes=4096 wbytes=1 rios=2 wios=3 dbytes=0 dios=0\n8:16 \nbad rbytes=1",
      "hugetlb.2MB.current": "4096", "hugetlb.2MB.events": "max 3",
    ]
    let reader = UnifiedStatistics { files[$0] }
    let cpu = reader.cpu()
    #expect(cpu.total == 248_605_000 && cpu.kernel == 7_103_000 && cpu.throttledTime == 9000)
    #expect(cpu.pressure?.some.avg10 == 1.5 && cpu.pressure?.full.total == 2)
    let memory = reader.memory()
    #expect(memory.cache == 4096 && memory.usage.max == 9000 && memory.usage.limit == 16384)
    #expect(memory.swap.usage == 8292 && memory.swap.limit == 17384)
    #expect(reader.pids() == Statistics.Pids(current: 2, limit: 0))
    #expect(reader.blockIO().serviced.map(\.value) == [2, 3, 0])
    #expect(
      reader.hugetlb(sizes: ["1GB", "2MB"]) == ["2MB": .init(usage: 4096, max: 0, failcnt: 3)])
    var statistics = Statistics()
    statistics.cpu = cpu
    #expect(
      json(statistics).contains(
        #""psi":{"some":{"avg10":1.5,"avg60":0.07,"avg300":12,"total":1734},"#
          + #""full":{"avg10":0,"avg60":0,"avg300":0,"total":2}}"#))
    // No limit, and one that would overflow.
    #expect(
      UnifiedStatistics { ["memory.max": "max", "memory.swap.max": "5"][$0] }.memory().swap.limit
        == .max)
  }

  @Test(
    arguments: [
      ("hugepages-2048kB", "2MB"), ("hugepages-1048576kB", "1GB"), ("hugepages-64kB", "64KB"),
      ("hugepages-xkB", nil), ("other", nil),
    ] as [(String, String?)])
  func pageSizes(name: String, expected: String?) {
    #expect(Cgroup.pageSize(name) == expected)
  }

  @Test func lists() {
    #expect(ControlText.list("0-2,7") == [0, 1, 2, 7])
    #expect(ControlText.list("") == [])
    #expect(ControlText.list("5-3,x,x-1") == [])
  }

  @Test(.enabled(if: canMakeCgroups)) func ofARealCgroup() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    let member = try Member(
      site.placement, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exec sleep 100")
    for _ in 0..<500 {
      if try cgroup.statistics().cpu.total > 5_000_000 { break }
      usleep(1000)
    }
    let statistics = try cgroup.statistics()
    #expect(statistics.cpu.total > 5_000_000)
    if machineHas("memory") {
      #expect(statistics.memory.usage.usage > 0)
      #expect(statistics.memory.raw["cache"] != nil)
    }
    if machineHas("pids") { #expect(statistics.pids.current == 1) }
    if machineHas("cpuset") { #expect(!statistics.cpuset.cpus.isEmpty) }
    kill(member.pid, SIGKILL)
    _ = try member.finish()
    try cgroup.remove()
    #expect(failure { _ = try cgroup.statistics() } != "")
  }
}
