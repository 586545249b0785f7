/// The registers with which the first processor of a guest begins, as the kernel's entry wants them.
public struct EntryState: Sendable, Equatable {
  /// A segment register with its hidden part (Intel SDM 3, 3.4.5).
  public struct Segment: Sendable, Equatable {
    public let selector: UInt16
    public let base: UInt64
    public let limit: UInt32
    /// Type, S, DPL, P in bits 0 to 7; AVL, L, D/B, G in bits 12 to 15.
    public let attributes: UInt16
  }

  public let instructionPointer: UInt64
  public let stackPointer: UInt64
  /// The start info of a PVH kernel.
  public let rbx: UInt64
  /// The boot parameters of a 64-bit entry.
  public let rsi: UInt64
  public let flags: UInt64
  public let cr0: UInt64
  public let cr3: UInt64
  public let cr4: UInt64
  public let efer: UInt64
  public let globalDescriptorBase: UInt64
  public let globalDescriptorLimit: UInt16
  public let code: Segment
  /// For ds, es, fs, gs and ss.
  public let data: Segment
  public let task: Segment
}

extension EntryState {
  private static let protectionEnable: UInt64 = 1 << 0
  private static let extensionType: UInt64 = 1 << 4
  private static let paging: UInt64 = 1 << 31
  private static let physicalAddressExtension: UInt64 = 1 << 5
  private static let longModeEnable: UInt64 = 1 << 8
  private static let longModeActive: UInt64 = 1 << 10

  // Readable code, writable data, a busy task; all present, of ring 0, the first two counted in pages.
  private static let longCode: UInt16 = 0xa09b
  private static let protectedCode: UInt16 = 0xc09b
  private static let flatData: UInt16 = 0xc093
  private static let busyTask: UInt16 = 0x008b

  /// What Linux's boot protocol calls __BOOT_CS and __BOOT_DS.
  private static let codeSelector: UInt16 = 0x10
  private static let dataSelector: UInt16 = 0x18
  private static let taskSelector: UInt16 = 0x20

  /// Long mode with the first 4 GiB mapped one to one (Linux boot protocol, "64-bit boot protocol").
  static func longMode(entry: UInt64, bootParameters: UInt64) -> EntryState {
    EntryState(
      instructionPointer: entry, stackPointer: LowMemory.pageTables, rbx: 0, rsi: bootParameters,
      flags: 2, cr0: protectionEnable | extensionType | paging, cr3: LowMemory.pageTables,
      cr4: physicalAddressExtension, efer: longModeEnable | longModeActive,
      globalDescriptorBase: LowMemory.globalDescriptors,
      globalDescriptorLimit: UInt16(descriptorCount * 8 - 1),
      code: Segment(
        selector: codeSelector, base: 0, limit: .max, attributes: longCode),
      data: Segment(selector: dataSelector, base: 0, limit: .max, attributes: flatData),
      task: Segment(selector: taskSelector, base: 0, limit: 0x67, attributes: busyTask))
  }

  /// Protected mode without paging (Xen's "x86/HVM direct boot ABI", PVH).
  static func protectedMode(entry: UInt64, startInfo: UInt64) -> EntryState {
    EntryState(
      instructionPointer: entry, stackPointer: 0, rbx: startInfo, rsi: 0, flags: 2,
      cr0: protectionEnable | extensionType, cr3: 0, cr4: 0, efer: 0,
      globalDescriptorBase: LowMemory.globalDescriptors,
      globalDescriptorLimit: UInt16(descriptorCount * 8 - 1),
      code: Segment(
        selector: codeSelector, base: 0, limit: .max, attributes: protectedCode),
      data: Segment(selector: dataSelector, base: 0, limit: .max, attributes: flatData),
      task: Segment(selector: taskSelector, base: 0, limit: 0x67, attributes: busyTask))
  }

  private static let descriptorCount = 6

  /// The table of descriptors that the segments were loaded from; the task's takes two entries.
  var globalDescriptors: [UInt8] {
    var table = LittleEndianWriter()
    for _ in 0..<2 { table.append(UInt64(0)) }
    for segment in [code, data, task] { table.append(Self.descriptor(segment)) }
    table.append(UInt64(0))
    return table.bytes
  }

  private static func descriptor(_ segment: Segment) -> UInt64 {
    let inPages = segment.attributes & 0x8000 != 0
    let limit = UInt64(inPages ? segment.limit >> 12 : segment.limit)
    let low = limit & 0xffff | (segment.base & 0xff_ffff) << 16
    let middle = UInt64(segment.attributes) << 40
    let high = (limit >> 16 & 0xf) << 48 | (segment.base >> 24 & 0xff) << 56
    return low | middle | high
  }
}
