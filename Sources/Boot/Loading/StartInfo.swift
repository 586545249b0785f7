/// What a PVH kernel finds by rbx: `hvm_start_info` with its memory map and its one module, the
/// initramfs (Xen's public/arch-x86/hvm/start_info.h, version 1).
enum StartInfo {
  private static let magic: UInt32 = 0x336e_c578
  private static let size = 56
  private static let moduleSize = 32

  /// The structures as they have to lie at `address`.
  static func bytes(
    at address: UInt64, commandLine: UInt64, initramfs: Range<UInt64>?, map: MemoryMap,
    tables: UInt64
  ) -> [UInt8] {
    let module = address + UInt64(size)
    var info = LittleEndianWriter()
    info.append(magic)
    info.append(UInt32(1))
    info.append(UInt32(0))
    info.append(UInt32(initramfs == nil ? 0 : 1))
    info.append(initramfs == nil ? 0 : module)
    info.append(commandLine)
    info.append(tables)
    info.append(module + UInt64(moduleSize))
    info.append(UInt32(map.entries.count))
    info.append(UInt32(0))

    info.append(initramfs?.lowerBound ?? 0)
    info.append(UInt64(initramfs?.count ?? 0))
    info.append(UInt64(0))
    info.append(UInt64(0))

    for entry in map.entries {
      info.append(entry.start)
      info.append(entry.end - entry.start)
      info.append(entry.kind.rawValue)
      info.append(UInt32(0))
    }
    return info.bytes
  }
}
