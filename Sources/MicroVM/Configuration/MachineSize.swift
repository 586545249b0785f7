internal import CLinux
internal import Linux
internal import OCISpec

/// How much memory and how many processors a virtual machine gets, and from where that is known.
struct MachineSize: Equatable {
  /// In bytes, a multiple of 2 MiB.
  let memory: UInt64
  let processors: Int

  /// What the guest's kernel and agent need beside the container's limit; the VMM's cgroup gets it
  /// on top of `linux.resources.memory.limit`, with `monitorOverhead` for the VMM itself.
  static let guestOverhead: UInt64 = 128 << 20
  static let monitorOverhead: UInt64 = 64 << 20
  /// What qemu takes besides: itself, and the code that it has translated.
  static let emulatorOverhead: UInt64 = 192 << 20
  /// Without any limit in the configuration.
  static let defaultMemory: UInt64 = 512 << 20
  /// Less does not hold a distribution's kernel with its initramfs.
  static let smallestMemory: UInt64 = 96 << 20
  static let mostProcessors = 32

  static let memoryAnnotation = "dev.swrun.vm.memory"
  static let processorsAnnotation = "dev.swrun.vm.vcpus"

  /// Annotations first, then `vm.hwConfig`, then `linux.resources`, then the defaults.
  init(_ spec: Spec) throws(RuntimeError) {
    memory = try Self.rounded(Self.memory(spec))
    processors = try Self.processors(spec)
  }

  private static func memory(_ spec: Spec) throws(RuntimeError) -> UInt64 {
    if let text = spec.annotations[memoryAnnotation] {
      guard let mebibytes = UInt64(text), mebibytes <= 1 << 24 else {
        throw RuntimeError(
          "annotation \(memoryAnnotation): \"\(text)\" is not a number of MiB")
      }
      return try atLeast(mebibytes << 20, "annotation \(memoryAnnotation)")
    }
    if let bytes = spec.vm?.hwConfig?.memory { return try atLeast(bytes, "vm.hwConfig.memory") }
    if let limit = spec.linux.resources?.memory?.limit, limit > 0 {
      let (sum, overflow) = UInt64(limit).addingReportingOverflow(guestOverhead)
      return overflow || sum > most ? most : sum
    }
    return defaultMemory
  }

  private static func atLeast(_ bytes: UInt64, _ name: String) throws(RuntimeError) -> UInt64 {
    guard bytes >= smallestMemory else {
      throw RuntimeError(
        "\(name): \(bytes) bytes are too little memory for a guest",
        advice: "at least \(smallestMemory >> 20) MiB")
    }
    guard bytes <= most else {
      throw RuntimeError(
        "\(name): \(bytes) bytes are more than this machine can give",
        advice: "at most \(most >> 20) MiB")
    }
    return bytes
  }

  /// The host's memory: a limit above it is none, and a guest that believed in it would fail.
  private static let most: UInt64 = max(smallestMemory, cl_physical_memory() & ~((2 << 20) - 1))

  private static func rounded(_ bytes: UInt64) -> UInt64 {
    (bytes + (2 << 20) - 1) & ~((2 << 20) - 1)
  }

  private static func processors(_ spec: Spec) throws(RuntimeError) -> Int {
    if let text = spec.annotations[processorsAnnotation] {
      return try counted(UInt64(text), text, "annotation \(processorsAnnotation)")
    }
    if let count = spec.vm?.hwConfig?.vcpus {
      return try counted(UInt64(count), String(count), "vm.hwConfig.vcpus")
    }
    guard let cpu = spec.linux.resources?.cpu, let quota = cpu.quota, quota > 0 else { return 1 }
    let period = max(1, cpu.period ?? 100_000)
    let wanted = (UInt64(quota) - 1) / period + 1
    return Int(min(wanted, UInt64(mostProcessors), UInt64(max(1, cl_online_processors()))))
  }

  private static func counted(
    _ count: UInt64?, _ text: String, _ name: String
  ) throws(RuntimeError) -> Int {
    guard let count, count >= 1, count <= mostProcessors else {
      throw RuntimeError(
        "\(name): \"\(text)\" is not a number of processors", advice: "1 to \(mostProcessors)")
    }
    return Int(count)
  }
}
