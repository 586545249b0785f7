internal import CLinux
internal import Linux

/// One write to a control file, and the field of config.json that asks for it.
struct Setting: Equatable {
  /// Below `linux.resources`, such as `memory.limit`.
  let field: String
  /// The value as config.json has it.
  let given: String
  let file: String
  let value: String
  /// Whether the kernel may refuse the value only because another of the group still has its old
  /// one (a limit above the limit of memory and swap): it is then written again after the others.
  var dependsOnOthers = false

  init<Given: CustomStringConvertible>(
    _ field: String, _ given: Given, _ file: String, _ value: String, dependsOnOthers: Bool = false
  ) {
    self.field = field
    self.given = given.description
    self.file = file
    self.value = value
    self.dependsOnOthers = dependsOnOthers
  }

  /// A field that is written as it is given.
  init<Given: CustomStringConvertible>(
    _ field: String, _ given: Given, _ file: String, dependsOnOthers: Bool = false
  ) {
    self.init(field, given, file, given.description, dependsOnOthers: dependsOnOthers)
  }

  /// `linux.resources.memory.limit: 4096: cgroup memory.limit_in_bytes: Device or resource busy`.
  func failure(_ error: SystemError, in directory: CgroupDirectory) -> RuntimeError {
    RuntimeError(
      "linux.resources.\(field): \(given): cgroup \(file): \(error.reason)",
      advice: advice(error.errno, directory))
  }

  private func advice(_ errno: CInt, _ directory: CgroupDirectory) -> String? {
    let family = String(file.prefix { $0 != "." })
    switch errno {
    case ENOENT:
      return Self.missingFileAdvice(file)
        ?? "\(directory.path) has no such file: this kernel cannot set it"
    case EPERM where family == "devices": return "the cgroup above does not allow this device"
    case EROFS, EPERM: return "the caller may not write in \(directory.path)"
    case ENODEV where family == "io" || family == "blkio":
      return "no block device has this number, or it is a partition: name the whole device"
    case EOPNOTSUPP where family == "io" || family == "blkio":
      return "the device's I/O scheduler has no weights: use bfq"
    case EBUSY where family == "memory":
      let usage = directory.readIfPresent("memory.usage_in_bytes") ?? "too many"
      return "the container uses \(usage) bytes: raise the limit"
    case EINVAL, ERANGE, EACCES:
      if family == "cpuset" {
        return "name CPUs and memory nodes that exist and that the cgroup above has"
      }
      return errno == EACCES
        ? "the caller may not write in \(directory.path)" : Self.rangeAdvice(file)
    default: return nil
    }
  }

  private static func rangeAdvice(_ file: String) -> String? {
    if file.hasPrefix("cpu.cfs") || file.hasPrefix("cpu.max") {
      return "quota and period are at least 1000, the period at most 1000000, burst at most quota,"
        + " and quota/period at most that of the cgroup above"
    }
    if file.hasPrefix("cpu.rt_") {
      return "the real-time runtime is at most the period, and at most what the cgroups above have"
        + " left"
    }
    if file.hasPrefix("memory.memsw.") {
      return "memory and swap together are at least linux.resources.memory.limit"
    }
    return nil
  }

  private static func missingFileAdvice(_ file: String) -> String? {
    if file.hasPrefix("memory.memsw.") || file.hasPrefix("memory.swap.") {
      return "swap accounting is off: boot with swapaccount=1"
    }
    if file.hasPrefix("hugetlb.") {
      return "the kernel has no huge pages of this size: see /sys/kernel/mm/hugepages"
    }
    if file.hasPrefix("cpu.rt_") { return "the kernel is built without CONFIG_RT_GROUP_SCHED" }
    return nil
  }
}

extension CgroupDirectory {
  /// Writes the settings in order; those that wait for others once more at the end.
  func write(_ settings: [Setting]) throws(RuntimeError) {
    var postponed: [Setting] = []
    for setting in settings {
      do throws(SystemError) {
        try write(setting.file, setting.value)
      } catch {
        guard setting.dependsOnOthers, error.errno == EINVAL, settings.count > 1 else {
          throw setting.failure(error, in: self)
        }
        postponed.append(setting)
      }
    }
    for setting in postponed {
      do throws(SystemError) {
        try write(setting.file, setting.value)
      } catch {
        throw setting.failure(error, in: self)
      }
    }
  }
}
