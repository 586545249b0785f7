/// The tables by which a guest learns its processors and devices (ACPI 6.5, chapter 5): RSDP, XSDT,
/// FADT, MADT and DSDT as one block of bytes.
public struct SystemTables: Sendable {
  /// Begins with the RSDP; the other tables follow, each at a multiple of 16.
  public let bytes: [UInt8]

  /// The tables as they have to lie at `address`.
  public init(_ layout: MachineLayout, at address: UInt64) {
    var block = LittleEndianWriter(zeros: Self.pointerSize)
    func place(_ table: [UInt8]) -> UInt64 {
      block.align(to: 16)
      let place = address + UInt64(block.bytes.count)
      block.append(table)
      return place
    }
    let dsdt = place(Self.table("DSDT", revision: 2, DefinitionBlock.terms(layout)))
    let fadt = place(Self.table("FACP", revision: 6, Self.fixed(dsdt: dsdt)))
    let madt = place(Self.table("APIC", revision: 5, Self.interrupts(layout)))
    var pointers = LittleEndianWriter()
    pointers.append(fadt)
    pointers.append(madt)
    let xsdt = place(Self.table("XSDT", revision: 1, pointers.bytes))
    for (index, byte) in Self.pointer(to: xsdt).enumerated() { block.set(byte, at: index) }
    bytes = block.bytes
  }

  private static let maker = "SWRUN"
  private static let pointerSize = 36
  private static let headerSize = 36

  /// A table with its header (5.2.6); the sum of its bytes is 0.
  private static func table(_ signature: String, revision: UInt8, _ contents: [UInt8]) -> [UInt8] {
    var table = LittleEndianWriter()
    table.append(signature, count: 4)
    table.append(UInt32(headerSize + contents.count))
    table.append(revision)
    table.append(UInt8(0))
    table.append(maker, count: 6)
    table.append("SWRUNVM", count: 8)
    table.append(UInt32(1))
    table.append(maker, count: 4)
    table.append(UInt32(1))
    table.append(contents)
    table.set(checksum(table.bytes), at: 9)
    return table.bytes
  }

  /// What makes the sum of all bytes 0.
  private static func checksum(_ bytes: some Sequence<UInt8>) -> UInt8 {
    0 &- bytes.reduce(0) { $0 &+ $1 }
  }

  /// The RSDP (5.2.5.3): its first 20 bytes have a sum of their own.
  private static func pointer(to xsdt: UInt64) -> [UInt8] {
    var pointer = LittleEndianWriter()
    pointer.append("RSD PTR ", count: 8)
    pointer.append(UInt8(0))
    pointer.append(maker, count: 6)
    pointer.append(UInt8(2))
    pointer.append(UInt32(0))
    pointer.append(UInt32(pointerSize))
    pointer.append(xsdt)
    pointer.append(UInt32(0))
    pointer.set(checksum(pointer.bytes.prefix(20)), at: 8)
    pointer.set(checksum(pointer.bytes), at: 32)
    return pointer.bytes
  }

  // Flags of the FADT (tables 5.10 and 5.11). No fixed buttons, no timer of its own, no clock chip.
  private static let writeBackWorks: UInt32 = 1 << 0
  private static let noPowerButton: UInt32 = 1 << 4
  private static let noSleepButton: UInt32 = 1 << 5
  private static let resetRegister: UInt32 = 1 << 10
  private static let reducedHardware: UInt32 = 1 << 20
  private static let noVGA: UInt16 = 1 << 2
  private static let noMSI: UInt16 = 1 << 3
  private static let noASPM: UInt16 = 1 << 4
  private static let noClockChip: UInt16 = 1 << 5

  /// The FADT behind its header (5.2.9), 276 bytes with it.
  private static func fixed(dsdt: UInt64) -> [UInt8] {
    var table = LittleEndianWriter(zeros: 276 - headerSize)
    func offset(_ inTable: Int) -> Int { inTable - headerSize }
    table.set(UInt32(dsdt), at: offset(40))
    table.set(noVGA | noMSI | noASPM | noClockChip, at: offset(109))
    table.set(
      writeBackWorks | noPowerButton | noSleepButton | resetRegister | reducedHardware,
      at: offset(112))
    func register(_ port: UInt16, at place: Int) {
      // System I/O, eight bits, accessed as a byte (5.2.3.2).
      table.set(UInt8(1), at: offset(place))
      table.set(UInt8(8), at: offset(place + 1))
      table.set(UInt8(1), at: offset(place + 3))
      table.set(UInt64(port), at: offset(place + 4))
    }
    register(MachineLayout.resetPort, at: 116)
    table.set(MachineLayout.resetValue, at: offset(128))
    // The minor version: with the table's revision, ACPI 6.3.
    table.set(UInt8(3), at: offset(131))
    table.set(dsdt, at: offset(140))
    register(MachineLayout.sleepControlPort, at: 244)
    register(MachineLayout.sleepStatusPort, at: 256)
    for (index, byte) in maker.utf8.enumerated() { table.set(byte, at: offset(268 + index)) }
    return table.bytes
  }

  /// The MADT behind its header (5.2.12): local APICs, one IOAPIC, NMI at LINT1 of all processors.
  private static func interrupts(_ layout: MachineLayout) -> [UInt8] {
    var table = LittleEndianWriter()
    table.append(MachineLayout.localAPICBase)
    // No 8259 beside the APICs.
    table.append(UInt32(0))
    for processor in 0..<UInt8(layout.processors) {
      table.append([0, 8, processor, processor])
      table.append(UInt32(1))
    }
    table.append([1, 12, 0, 0])
    table.append(MachineLayout.ioapicBase)
    table.append(UInt32(0))
    table.append([4, 6, 0xff, 0, 0, 1])
    return table.bytes
  }
}
