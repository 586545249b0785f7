public import JSON

extension Statistics {
  /// Writes the line of `runc events --stats`: `{"type":"stats","id":"x","data":{…}}`.
  public func write(id: String, to json: inout JSONWriter) {
    json.beginObject()
    json.key("type")
    json.string("stats")
    json.key("id")
    json.string(id)
    json.key("data")
    json.beginObject()
    json.key("cpu")
    cpu.write(to: &json)
    json.key("cpuset")
    cpuset.write(to: &json)
    json.key("memory")
    memory.write(to: &json)
    json.key("pids")
    json.beginObject()
    json.nonzero("current", pids.current)
    json.nonzero("limit", pids.limit)
    json.endObject()
    json.key("blkio")
    blockIO.write(to: &json)
    json.key("hugetlb")
    json.beginObject()
    for (size, entry) in hugetlb.sorted(by: { $0.key < $1.key }) {
      json.key(size)
      json.beginObject()
      json.nonzero("usage", entry.usage)
      json.nonzero("max", entry.max)
      json.number("failcnt", entry.failcnt)
      json.endObject()
    }
    json.endObject()
    // What runc prints for what it has no values of.
    json.key("intel_rdt")
    json.beginObject()
    json.endObject()
    json.key("network_interfaces")
    json.null()
    json.endObject()
    json.endObject()
  }
}

extension JSONWriter {
  fileprivate mutating func number(_ name: String, _ value: some FixedWidthInteger) {
    key(name)
    integer(value)
  }

  /// runc leaves out most members that are 0 or empty.
  fileprivate mutating func nonzero(_ name: String, _ value: UInt64) {
    if value != 0 { number(name, value) }
  }

  fileprivate mutating func nonempty(_ name: String, _ values: [some FixedWidthInteger]) {
    if values.isEmpty { return }
    key(name)
    beginArray()
    for value in values { integer(value) }
    endArray()
  }

  fileprivate mutating func pressure(_ value: Statistics.Pressure?) {
    guard let value else { return }
    key("psi")
    beginObject()
    for (name, line) in [("some", value.some), ("full", value.full)] {
      key(name)
      beginObject()
      percent("avg10", line.avg10)
      percent("avg60", line.avg60)
      percent("avg300", line.avg300)
      number("total", line.total)
      endObject()
    }
    endObject()
  }

  private mutating func percent(_ name: String, _ value: Double) {
    key(name)
    // The kernel has two digits behind the point.
    let hundredths = UInt64(max(0, value * 100 + 0.5))
    var text = "\(hundredths / 100)"
    let rest = hundredths % 100
    if rest != 0 { text += rest % 10 == 0 ? ".\(rest / 10)" : rest < 10 ? ".0\(rest)" : ".\(rest)" }
    raw(text)
  }
}

extension Statistics.CPU {
  fileprivate func write(to json: inout JSONWriter) {
    json.beginObject()
    json.key("usage")
    json.beginObject()
    json.nonzero("total", total)
    json.nonempty("percpu", perCPU)
    json.nonempty("percpu_kernel", perCPUKernel)
    json.nonempty("percpu_user", perCPUUser)
    json.number("kernel", kernel)
    json.number("user", user)
    json.endObject()
    json.key("throttling")
    json.beginObject()
    json.nonzero("periods", periods)
    json.nonzero("throttledPeriods", throttledPeriods)
    json.nonzero("throttledTime", throttledTime)
    json.endObject()
    json.pressure(pressure)
    json.endObject()
  }
}

extension Statistics.Cpuset {
  fileprivate func write(to json: inout JSONWriter) {
    json.beginObject()
    json.nonempty("cpus", cpus)
    json.number("cpu_exclusive", cpuExclusive)
    json.nonempty("mems", mems)
    json.number("mem_hardwall", memHardwall)
    json.number("mem_exclusive", memExclusive)
    json.number("memory_migrate", memoryMigrate)
    json.number("memory_spread_page", memorySpreadPage)
    json.number("memory_spread_slab", memorySpreadSlab)
    json.number("memory_pressure", memoryPressure)
    json.number("sched_load_balance", schedLoadBalance)
    json.number("sched_relax_domain_level", schedRelaxDomainLevel)
    json.endObject()
  }
}

extension Statistics.Memory {
  fileprivate func write(to json: inout JSONWriter) {
    json.beginObject()
    json.nonzero("cache", cache)
    for (name, entry) in [
      ("usage", usage), ("swap", swap), ("kernel", kernel), ("kernelTCP", kernelTCP),
    ] {
      json.key(name)
      json.beginObject()
      json.number("limit", entry.limit)
      json.nonzero("usage", entry.usage)
      json.nonzero("max", entry.max)
      json.number("failcnt", entry.failcnt)
      json.endObject()
    }
    if !raw.isEmpty {
      json.key("raw")
      json.beginObject()
      for (name, value) in raw.sorted(by: { $0.key < $1.key }) { json.number(name, value) }
      json.endObject()
    }
    json.pressure(pressure)
    json.endObject()
  }
}

extension Statistics.BlockIO {
  fileprivate func write(to json: inout JSONWriter) {
    json.beginObject()
    for (name, entries) in [
      ("ioServiceBytesRecursive", serviceBytes), ("ioServicedRecursive", serviced),
      ("ioQueueRecursive", queued), ("ioServiceTimeRecursive", serviceTime),
      ("ioWaitTimeRecursive", waitTime), ("ioMergedRecursive", merged),
      ("ioTimeRecursive", time), ("sectorsRecursive", sectors),
    ] where !entries.isEmpty {
      json.key(name)
      json.beginArray()
      for entry in entries {
        json.beginObject()
        json.nonzero("major", entry.major)
        json.nonzero("minor", entry.minor)
        if let operation = entry.operation {
          json.key("op")
          json.string(operation)
        }
        json.nonzero("value", entry.value)
        json.endObject()
      }
      json.endArray()
    }
    json.pressure(pressure)
    json.endObject()
  }
}
