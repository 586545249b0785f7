internal import CLinux
public import Linux

extension Cgroup {
  /// What the kernel counts for the container now; an error when its cgroup is gone.
  public func statistics() throws(RuntimeError) -> Statistics {
    guard let first = directories.first else {
      throw RuntimeError(
        "cgroup: the container has no cgroup to count in",
        advice: "statistics need --cgroup-manager=cgroupfs")
    }
    // The missing files below are controllers that are not there; a removed cgroup is something
    // else, and is seen here.
    try step("cgroup \(first.path)") { () throws(SystemError) in
      _ = try first.read("cgroup.procs")
    }
    var result = Statistics()
    let sizes = Cgroup.hugepageSizes()
    let directories = self.directories
    let legacy = LegacyStatistics { controller, file in
      directories.first { $0.controls(controller) }?.readIfPresent(file)
    }
    let unified = UnifiedStatistics { file in
      directories.first { $0.version == .v2 }?.readIfPresent(file)
    }
    if isUnified {
      result.cpu = unified.cpu()
      result.memory = unified.memory()
      result.pids = unified.pids()
      result.blockIO = unified.blockIO()
    } else {
      result.cpu = legacy.cpu()
      result.cpuset = legacy.cpuset()
      result.memory = legacy.memory()
      result.pids = legacy.pids()
      result.blockIO = legacy.blockIO()
    }
    result.hugetlb =
      self.legacy("hugetlb") == nil ? unified.hugetlb(sizes: sizes) : legacy.hugetlb(sizes: sizes)
    return result
  }

  /// The sizes of pages in the terms of the control files: `hugepages-2048kB` is `2MB`.
  static func hugepageSizes() -> [String] {
    guard
      let directory = try? FileDescriptor.open("/sys/kernel/mm/hugepages", O_PATH | O_DIRECTORY),
      let names = try? CgroupDirectory.children(at: DirectoryReference(directory))
    else { return [] }
    return names.compactMap { pageSize($0) }.sorted()
  }

  static func pageSize(_ name: String) -> String? {
    guard name.hasPrefix("hugepages-"), name.hasSuffix("kB"),
      let kilobytes = UInt64(name.dropFirst(10).dropLast(2))
    else { return nil }
    if kilobytes >= 1 << 20 { return "\(kilobytes >> 20)GB" }
    if kilobytes >= 1 << 10 { return "\(kilobytes >> 10)MB" }
    return "\(kilobytes)KB"
  }
}
