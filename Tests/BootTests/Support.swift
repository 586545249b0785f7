import CLinux
import GuestMemory
import Linux
import SeededRandom
import Testing

@testable import Boot

/// Kernels that no machine would run, but that have all a loader looks at.
enum Sample {
  static let elfEntry: UInt64 = 0x100_0000
  static let directEntry: UInt32 = 0x100_0040

  /// Two segments, the second with zeros behind it, and a note with the PVH entry, behind one that is
  /// Linux's or that of a name which is as long.
  static func elf(note: Bool = true, linux: Bool = false) -> [UInt8] {
    var file = LittleEndianWriter(zeros: 0x3000)
    for (index, byte) in (ELFHeader.magic + [2, 1, 1]).enumerated() { file.set(byte, at: index) }
    file.set(UInt16(2), at: 16)
    file.set(UInt16(62), at: 18)
    file.set(UInt32(1), at: 20)
    file.set(elfEntry, at: 24)
    file.set(UInt64(64), at: 32)
    file.set(UInt16(64), at: 52)
    file.set(UInt16(56), at: 54)
    file.set(UInt16(note ? 3 : 2), at: 56)
    func program(
      _ index: Int, type: UInt32, offset: UInt64, address: UInt64, size: UInt64, memory: UInt64
    ) {
      let base = 64 + 56 * index
      file.set(type, at: base)
      file.set(offset, at: base + 8)
      file.set(address | 0xffff_ffff_8000_0000, at: base + 16)
      file.set(address, at: base + 24)
      file.set(size, at: base + 32)
      file.set(memory, at: base + 40)
    }
    program(0, type: 1, offset: 0x1000, address: elfEntry, size: 0x1000, memory: 0x1000)
    program(1, type: 1, offset: 0x2000, address: 0x110_0000, size: 0x800, memory: 0x2000)
    program(2, type: 4, offset: 0x2800, address: 0, size: 56, memory: 56)
    for index in 0..<0x1000 { file.set(UInt8(truncatingIfNeeded: index * 7), at: 0x1000 + index) }
    for index in 0..<0x800 { file.set(UInt8(truncatingIfNeeded: index * 5), at: 0x2000 + index) }
    // Another maker's note first, with a name and contents that need padding.
    var notes = LittleEndianWriter()
    for value: UInt32 in [6, 5, 3] { notes.append(value) }
    notes.append(Array((linux ? "Linux" : "Minix").utf8) + [0, 0, 0] + [1, 2, 3, 4, 5, 0, 0, 0])
    for value: UInt32 in [4, 4, 18] { notes.append(value) }
    notes.append(Array("Xen\0".utf8))
    notes.append(directEntry)
    for (index, byte) in notes.bytes.enumerated() { file.set(byte, at: 0x2800 + index) }
    return file.bytes
  }

  static let payloadOffset = 0x400

  /// A bzImage of 15 + 1 sectors of setup; the payload is what is given.
  static func bzImage(payload: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9]) -> [UInt8] {
    let setup = 16 * 512
    let code = (payloadOffset + payload.count + 15) / 16 * 16
    var file = LittleEndianWriter(zeros: setup + code)
    file.set(UInt8(15), at: CL_HDR_SETUP_SECTS)
    file.set(UInt32(code / 16), at: CL_HDR_SYSSIZE)
    file.set(UInt16(0xaa55), at: CL_HDR_BOOT_FLAG)
    file.set(UInt16(0x6aeb), at: CL_HDR_JUMP)
    file.set(UInt32(0x5372_6448), at: CL_HDR_MAGIC)
    file.set(UInt16(0x020f), at: CL_HDR_VERSION)
    file.set(UInt16(0x1300), at: CL_HDR_KERNEL_VERSION)
    file.set(UInt8(1), at: CL_HDR_LOADFLAGS)
    file.set(UInt32(0x7fff_ffff), at: CL_HDR_INITRD_ADDR_MAX)
    file.set(UInt32(0x20_0000), at: CL_HDR_KERNEL_ALIGNMENT)
    file.set(UInt8(1), at: CL_HDR_RELOCATABLE)
    file.set(UInt16(0x3f), at: CL_HDR_XLOADFLAGS)
    file.set(UInt32(2047), at: CL_HDR_CMDLINE_SIZE)
    file.set(UInt32(payloadOffset), at: CL_HDR_PAYLOAD_OFFSET)
    file.set(UInt32(payload.count), at: CL_HDR_PAYLOAD_LENGTH)
    file.set(UInt64(0x100_0000), at: CL_HDR_PREF_ADDRESS)
    file.set(UInt32(0x80_0000), at: CL_HDR_INIT_SIZE)
    for (index, byte) in "6.1.0-sample (somebody) #1\0".utf8.enumerated() {
      file.set(byte, at: 0x1500 + index)
    }
    for (index, byte) in payload.enumerated() { file.set(byte, at: setup + payloadOffset + index) }
    return file.bytes
  }

  static func layout(
    memory: UInt64 = 64 << 20, processors: Int = 2, devices: Int = 5
  ) throws -> MachineLayout {
    try MachineLayout(memory: memory, processors: processors, devices: devices)
  }
}

/// A compressor that is no good, but whose blocks have all that a decompressor has to know.
enum LZ4Sample {
  /// The frame, and what it stands for.
  static func frame(
    blocks: Int, runs: Int, using random: inout SeededRandom
  ) -> (frame: [UInt8], contents: [UInt8]) {
    var frame = LittleEndianWriter()
    frame.append(LegacyLZ4.magic)
    var contents: [UInt8] = []
    for _ in 0..<blocks {
      let (block, plain) = self.block(runs: runs, using: &random)
      frame.append(UInt32(block.count))
      frame.append(block)
      contents += plain
    }
    return (frame.bytes, contents)
  }

  private static func block(
    runs: Int, using random: inout SeededRandom
  ) -> (block: [UInt8], plain: [UInt8]) {
    var block: [UInt8] = []
    var plain: [UInt8] = []
    for run in 0...runs {
      let isLast = run == runs
      let literals =
        random.next() % 8 == 0
        ? Int.random(in: 0...700, using: &random)
        : Int.random(in: run == 0 || isLast ? 1...20 : 0...20, using: &random)
      let length =
        random.next() % 8 == 0
        ? Int.random(in: 4...900, using: &random) : Int.random(in: 4...30, using: &random)
      let token = UInt8(min(literals, 15) << 4 | (isLast ? 0 : min(length - 4, 15)))
      block.append(token)
      if literals >= 15 { block += extended(literals - 15) }
      for _ in 0..<literals {
        let byte = UInt8.random(in: 0...255, using: &random)
        block.append(byte)
        plain.append(byte)
      }
      if isLast { break }
      let farthest = min(plain.count, 65535)
      guard farthest > 0 else { preconditionFailure("the first run has literals") }
      let offset =
        random.next() % 3 == 0
        ? Int.random(in: 1...min(farthest, 20), using: &random)
        : Int.random(in: 1...farthest, using: &random)
      block += [UInt8(truncatingIfNeeded: offset), UInt8(truncatingIfNeeded: offset >> 8)]
      if length - 4 >= 15 { block += extended(length - 4 - 15) }
      for _ in 0..<length { plain.append(plain[plain.count - offset]) }
    }
    return (block, plain)
  }

  private static func extended(_ rest: Int) -> [UInt8] {
    [UInt8](repeating: 255, count: rest / 255) + [UInt8(rest % 255)]
  }
}

/// What an error says, or nothing when there was none.
func message(_ body: () throws(RuntimeError) -> Void) -> String {
  do throws(RuntimeError) { try body() } catch { return error.description }
  return ""
}
