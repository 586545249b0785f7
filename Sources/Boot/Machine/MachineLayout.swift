internal import GuestMemory
public import Linux

/// What the machine of a guest consists of, and where each part answers: stated once, for the loader,
/// the tables, and the VMM.
public struct MachineLayout: Sendable, Equatable {
  /// A virtio-mmio device: where its registers are and which line (GSI) it raises.
  public struct Window: Sendable, Equatable {
    public let base: UInt64
    public let size: UInt32
    public let interrupt: UInt32

    public init(base: UInt64, size: UInt32, interrupt: UInt32) {
      self.base = base
      self.size = size
      self.interrupt = interrupt
    }
  }

  /// The guest's memory in bytes, a multiple of 2 MiB.
  public let memory: UInt64
  /// 1 to 32 processors; their local APICs are numbered from 0 on.
  public let processors: Int
  /// In the order in which the guest finds them.
  public let windows: [Window]

  /// A machine with this many virtio-mmio devices at their usual places.
  public init(memory: UInt64, processors: Int, devices: Int) throws(RuntimeError) {
    guard memory >= Self.smallestMemory, memory % Self.memoryUnit == 0,
      memory <= Self.largestMemory
    else {
      throw RuntimeError(
        "memory of the virtual machine: \(memory) bytes is not possible",
        advice: "a multiple of 2 MiB from 32 MiB to 4 TiB is")
    }
    guard (1...Self.largestProcessorCount).contains(processors) else {
      throw RuntimeError(
        "processors of the virtual machine: \(processors) is not possible",
        advice: "1 to \(Self.largestProcessorCount) are")
    }
    guard (0...Self.largestDeviceCount).contains(devices) else {
      throw RuntimeError(
        "devices of the virtual machine: \(devices) do not fit",
        advice: "at most \(Self.largestDeviceCount) do")
    }
    self.memory = memory
    self.processors = processors
    windows = (0..<devices).map {
      Window(
        base: Self.windowBase + UInt64($0) * UInt64(Self.windowSize), size: Self.windowSize,
        interrupt: Self.firstInterrupt + UInt32($0))
    }
  }
}

extension MachineLayout {
  public static let memoryUnit: UInt64 = 2 << 20
  public static let smallestMemory: UInt64 = 32 << 20
  public static let largestMemory: UInt64 = 4 << 40
  public static let largestProcessorCount = 32

  /// The first virtio-mmio window; the others follow without a gap.
  public static let windowBase: UInt64 = 0xd000_0000
  public static let windowSize: UInt32 = 0x1000
  /// The lines of the IOAPIC that the windows have; 0 to 4 are those of a PC's timer and serial port.
  public static let firstInterrupt: UInt32 = 5
  public static let lastInterrupt: UInt32 = 23
  public static let largestDeviceCount = Int(lastInterrupt - firstInterrupt) + 1

  public static let ioapicBase: UInt32 = 0xfec0_0000
  public static let localAPICBase: UInt32 = 0xfee0_0000
  /// Three pages for KVM_SET_TSS_ADDR and one for KVM_SET_IDENTITY_MAP_ADDR, which Intel hosts need.
  public static let taskStateBase: UInt64 = 0xfffb_d000
  public static let identityMapBase: UInt64 = 0xfffb_c000

  /// The serial port (16550): eight ports and one line.
  public static let serialPort: UInt16 = 0x3f8
  public static let serialInterrupt: UInt32 = 4

  /// Ports of one byte each that the FADT names (ACPI 6.5, 4.8.3.7 and 4.8.3.6).
  ///
  /// Written with `sleepEnable | sleepTypeOff << 2` the first turns the machine off; the second reads
  /// as 0; `resetValue` written to the third resets the machine.
  public static let sleepControlPort: UInt16 = 0x600
  public static let sleepStatusPort: UInt16 = 0x601
  public static let resetPort: UInt16 = 0x602
  public static let sleepEnable: UInt8 = 0x20
  /// What `\_S5` has: the sleep type of "off".
  public static let sleepTypeOff: UInt8 = 5
  public static let resetValue: UInt8 = 1

  /// Whether a byte written to `sleepControlPort` turns the machine off.
  public static func isPowerOff(_ value: UInt8) -> Bool {
    value & sleepEnable != 0 && value >> 2 & 7 == sleepTypeOff
  }
}

extension MachineLayout {
  /// Memory from 0 to here; the rest begins at 4 GiB, above the devices.
  public var lowMemoryEnd: UInt64 { min(memory, GuestMemory.gapStart) }
  /// Where memory above the devices ends; nil when there is none.
  public var highMemoryEnd: UInt64? {
    memory > GuestMemory.gapStart
      ? GuestMemory.gapEnd + (memory - GuestMemory.gapStart) : nil
  }
  /// Where memory of devices begins, above all else: no table names it, for the device itself tells
  /// its driver, and what is named as anything can't be taken by it.
  public var sharedMemoryBase: UInt64 {
    let unit: UInt64 = 1 << 30
    return ((highMemoryEnd ?? GuestMemory.gapEnd) + unit - 1) & ~(unit - 1)
  }
}

/// Where the loader puts what a kernel needs at its start: below 1 MiB, where no kernel is loaded.
enum LowMemory {
  static let globalDescriptors: UInt64 = 0x500
  static let startInfo: UInt64 = 0x6000
  static let bootParameters: UInt64 = 0x7000
  /// One page of level 4, one of level 3, four of level 2: 4 GiB one to one.
  static let pageTables: UInt64 = 0x9000
  static let commandLine: UInt64 = 0x2_0000
  /// Where usable memory ends below the legacy hole.
  static let end: UInt64 = 0x9_fc00
  /// Where a kernel without other word looks for the RSDP (ACPI 6.5, 5.2.5.1).
  static let tables: UInt64 = 0xe_0000
  static let tablesEnd: UInt64 = 0x10_0000
  static let kernelStart: UInt64 = 0x10_0000
}
