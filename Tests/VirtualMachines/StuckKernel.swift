import Foundation
import Harness

/// A kernel that says one line on the serial port and then does nothing: a boot that never ends.
enum StuckKernel {
  static let line = "stuck in a kernel that does nothing"

  /// Where it is loaded, and where it begins.
  private static let address: UInt32 = 0x10_0000
  private static let headerSize = 64 + 2 * 56

  /// Writes it: its path.
  static func make(in box: Sandbox) throws -> String {
    let path = box.path("stuck")
    try Data(image).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// An ELF executable of one segment, with the note by which a kernel is entered directly (PVH).
  private static var image: [UInt8] {
    let text = Array("\(line)\n".utf8) + [0]
    let code = program(textAt: address + UInt32(headerSize) + 32)
    let segment = code + [UInt8](repeating: 0x90, count: 32 - code.count) + text
    let note =
      bytes(UInt32(4)) + bytes(UInt32(8)) + bytes(UInt32(18)) + Array("Xen\0".utf8)
      + bytes(UInt64(address) + UInt64(headerSize))
    let noteOffset = (headerSize + segment.count + 7) / 8 * 8
    var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    file += bytes(UInt16(2)) + bytes(UInt16(62)) + bytes(UInt32(1))
    file += bytes(UInt64(address) + UInt64(headerSize)) + bytes(UInt64(64)) + bytes(UInt64(0))
    file += bytes(UInt32(0)) + bytes(UInt16(64)) + bytes(UInt16(56)) + bytes(UInt16(2))
    file += [UInt8](repeating: 0, count: 6)
    // The headers are part of the segment: file and memory have the same offsets.
    let loaded = headerSize + segment.count
    file += header(type: 1, flags: 7, offset: 0, address: address, size: loaded, align: 0x1000)
    file += header(type: 4, flags: 4, offset: noteOffset, address: 0, size: note.count, align: 4)
    file += segment
    file += [UInt8](repeating: 0, count: noteOffset - file.count)
    return file + note
  }

  /// 32-bit code: each byte of the text to port 0x3f8, then nothing for ever.
  private static func program(textAt text: UInt32) -> [UInt8] {
    [0xbe] + bytes(text)  // mov esi, text
      + [0xba, 0xf8, 0x03, 0x00, 0x00]  // mov edx, 0x3f8
      + [0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8]  // lodsb; test; jz +3; out; jmp back
      + [0xfa, 0xf4, 0xeb, 0xfd]  // cli; hlt; jmp back
  }

  private static func header(
    type: UInt32, flags: UInt32, offset: Int, address: UInt32, size: Int, align: UInt64
  ) -> [UInt8] {
    bytes(type) + bytes(flags) + bytes(UInt64(offset)) + bytes(UInt64(address))
      + bytes(UInt64(address)) + bytes(UInt64(size)) + bytes(UInt64(size)) + bytes(align)
  }

  private static func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}
