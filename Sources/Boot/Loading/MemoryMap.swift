/// The ranges of guest addresses that are memory, as the kernel is told (the e820 map).
struct MemoryMap {
  struct Entry: Equatable {
    let start: UInt64
    let end: UInt64
    let kind: Kind
  }

  /// The numbers are those of ACPI 6.5, table 15.2, which e820 and PVH share.
  enum Kind: UInt32 {
    case usable = 1
    case reserved = 2
  }

  let entries: [Entry]

  init(_ layout: MachineLayout) {
    var entries = [
      Entry(start: 0, end: LowMemory.end, kind: .usable),
      Entry(start: LowMemory.tables, end: LowMemory.tablesEnd, kind: .reserved),
      Entry(start: LowMemory.kernelStart, end: layout.lowMemoryEnd, kind: .usable),
    ]
    if let end = layout.highMemoryEnd {
      entries.append(Entry(start: 1 << 32, end: end, kind: .usable))
    }
    self.entries = entries
  }
}
