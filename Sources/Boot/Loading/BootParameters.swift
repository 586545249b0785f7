internal import CLinux

/// The zero page of Linux's boot protocol, for kernels that are entered in long mode.
struct BootParameters {
  private var page: LittleEndianWriter

  /// With the header of a bzImage, or with one made up for an ELF kernel.
  init(header: [UInt8]?, map: MemoryMap, tables: UInt64) {
    page = LittleEndianWriter(zeros: CL_BOOT_PARAMS_SIZE)
    if let header {
      for (index, byte) in header.enumerated() { page.set(byte, at: CL_BOOT_HEADER + index) }
    } else {
      page.set(SetupHeader.bootFlag, at: CL_HDR_BOOT_FLAG)
      page.set(SetupHeader.magic, at: CL_HDR_MAGIC)
      page.set(SetupHeader.oldestProtocol, at: CL_HDR_VERSION)
      page.set(UInt8(LOADED_HIGH), at: CL_HDR_LOADFLAGS)
    }
    // A loader without a number of its own.
    page.set(UInt8(0xff), at: CL_HDR_LOADER)
    page.set(tables, at: CL_BOOT_ACPI_RSDP)
    page.set(UInt8(map.entries.count), at: CL_BOOT_E820_ENTRIES)
    for (index, entry) in map.entries.enumerated() {
      let offset = CL_BOOT_E820_TABLE + index * CL_BOOT_E820_ENTRY_SIZE
      page.set(entry.start, at: offset)
      page.set(entry.end - entry.start, at: offset + 8)
      page.set(entry.kind.rawValue, at: offset + 16)
    }
  }

  /// A guest address below 4 GiB, of text that ends with NUL.
  mutating func setCommandLine(_ commandLine: UInt64) {
    page.set(UInt32(commandLine), at: CL_HDR_CMD_LINE_PTR)
  }

  /// A range below 4 GiB.
  mutating func setInitramfs(_ range: Range<UInt64>) {
    page.set(UInt32(range.lowerBound), at: CL_HDR_RAMDISK_IMAGE)
    page.set(UInt32(range.count), at: CL_HDR_RAMDISK_SIZE)
  }

  var bytes: [UInt8] { page.bytes }

  /// Tables that map the first 4 GiB one to one by pages of 2 MiB, to lie at `LowMemory.pageTables`.
  static var pageTables: [UInt8] {
    let presentAndWritable: UInt64 = 0b11
    let large: UInt64 = 1 << 7
    var tables = LittleEndianWriter(zeros: 6 * 4096)
    tables.set((LowMemory.pageTables + 0x1000) | presentAndWritable, at: 0)
    for gigabyte in 0..<4 {
      let next = LowMemory.pageTables + UInt64(2 + gigabyte) * 0x1000
      tables.set(next | presentAndWritable, at: 0x1000 + gigabyte * 8)
    }
    for index in 0..<4 * 512 {
      tables.set(UInt64(index) << 21 | large | presentAndWritable, at: 0x2000 + index * 8)
    }
    return tables.bytes
  }
}
