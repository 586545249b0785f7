internal import CLinux
internal import Linux

/// What a bzImage says about itself (Linux's Documentation/arch/x86/boot.rst, "The Real-Mode Kernel
/// Header"), checked: whatever is kept here can be loaded.
struct SetupHeader: Sendable, Equatable {
  /// Offsets are from the start of the file.
  private static let reach = 0x1000
  /// 2.12 brought the flags that tell of the 64-bit entry.
  static let oldestProtocol: UInt16 = 0x020c
  static let magic: UInt32 = 0x5372_6448
  static let bootFlag: UInt16 = 0xaa55

  let protocolVersion: UInt16
  /// Where the part that is loaded begins in the file, and its size.
  let codeOffset: UInt64
  let codeSize: UInt64
  let preferredAddress: UInt64
  /// The memory that the kernel needs from its load address on until it knows the memory map.
  let initialSize: UInt64
  let initramfsLimit: UInt64
  let commandLineLimit: Int
  /// The compressed kernel within the file.
  let payload: Range<UInt64>
  /// The header as it goes into the boot parameters.
  let bytes: [UInt8]
  /// The release, such as 6.1.0-56-cloud-amd64; empty when the header has none.
  let version: String

  init(_ file: BootFile) throws(RuntimeError) {
    func fault(_ what: String) -> RuntimeError {
      RuntimeError(
        "kernel \(file.name): \(what)",
        advice: "a bzImage of Linux for x86-64 or an ELF vmlinux is needed")
    }
    let start = try file.read(at: 0, count: min(Self.reach, Int(clamping: file.size)))
    func field<Value: FixedWidthInteger & UnsignedInteger>(
      _ offset: Int, as type: Value.Type
    ) throws(RuntimeError) -> Value {
      guard let value = start.value(at: offset, as: Value.self) else {
        throw fault("cut off within its header, after \(start.count) bytes")
      }
      return value
    }
    guard try field(CL_HDR_BOOT_FLAG, as: UInt16.self) == Self.bootFlag,
      try field(CL_HDR_MAGIC, as: UInt32.self) == Self.magic
    else { throw fault("neither a bzImage nor ELF") }
    protocolVersion = try field(CL_HDR_VERSION, as: UInt16.self)
    guard protocolVersion >= Self.oldestProtocol else {
      throw fault(
        "boot protocol \(protocolVersion >> 8).\(protocolVersion & 0xff) is too old (2.12 is needed)"
      )
    }
    guard try field(CL_HDR_LOADFLAGS, as: UInt8.self) & UInt8(LOADED_HIGH) != 0 else {
      throw fault("a zImage, which is loaded below 1 MiB, is not supported")
    }
    guard try field(CL_HDR_XLOADFLAGS, as: UInt16.self) & UInt16(XLF_KERNEL_64) != 0 else {
      throw fault("has no 64-bit entry: a 32-bit kernel")
    }

    let sectors = try field(CL_HDR_SETUP_SECTS, as: UInt8.self)
    codeOffset = (UInt64(sectors == 0 ? 4 : sectors) + 1) * 512
    codeSize = UInt64(try field(CL_HDR_SYSSIZE, as: UInt32.self)) * 16
    guard codeSize > 0x200, codeOffset + codeSize <= file.size else {
      throw fault(
        "cut off: its header tells of \(codeOffset + codeSize) bytes, the file has \(file.size)")
    }
    preferredAddress = try field(CL_HDR_PREF_ADDRESS, as: UInt64.self)
    initialSize = UInt64(try field(CL_HDR_INIT_SIZE, as: UInt32.self))
    let alignment = UInt64(try field(CL_HDR_KERNEL_ALIGNMENT, as: UInt32.self))
    guard alignment.nonzeroBitCount == 1, preferredAddress % alignment == 0,
      preferredAddress >= LowMemory.kernelStart, preferredAddress <= 1 << 31
    else {
      throw fault("wants to be loaded at address \(preferredAddress), which is not possible")
    }
    guard initialSize >= codeSize, initialSize <= 1 << 30 else {
      throw fault("needs \(initialSize) bytes by its header, for \(codeSize) bytes of code")
    }
    initramfsLimit = UInt64(try field(CL_HDR_INITRD_ADDR_MAX, as: UInt32.self))
    commandLineLimit = Int(try field(CL_HDR_CMDLINE_SIZE, as: UInt32.self))

    let offset = UInt64(try field(CL_HDR_PAYLOAD_OFFSET, as: UInt32.self))
    let length = UInt64(try field(CL_HDR_PAYLOAD_LENGTH, as: UInt32.self))
    guard offset <= codeSize, length <= codeSize - offset else {
      throw fault("its compressed kernel lies outside of the file")
    }
    payload = codeOffset + offset..<codeOffset + offset + length

    // The header ends where its own jump leads (boot.rst, "64-bit boot protocol").
    let end = CL_HDR_MAGIC + Int(try field(CL_HDR_JUMP + 1, as: UInt8.self))
    guard end >= CL_HDR_INIT_SIZE + 4, end <= start.count else {
      throw fault("its header ends at \(end), before its last field")
    }
    bytes = Array(start[CL_BOOT_HEADER..<end])
    version = try Self.version(
      file, UInt64(try field(CL_HDR_KERNEL_VERSION, as: UInt16.self)), before: codeOffset)
  }

  /// The first word of the text that the header points to, among the code of the setup.
  private static func version(
    _ file: BootFile, _ offset: UInt64, before end: UInt64
  ) throws(RuntimeError) -> String {
    let start = offset + 0x200
    guard offset != 0, start < end else { return "" }
    let text = try file.read(at: start, count: Int(min(end - start, 256)))
      .prefix { $0 > UInt8(ascii: " ") && $0 < 0x7f }
    return String(decoding: text, as: UTF8.self)
  }
}
