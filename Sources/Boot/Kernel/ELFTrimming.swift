internal import CLinux

extension ELFHeader {
  /// Takes the zeros at the end of each segment out of what is loaded from the file: the loader has
  /// them for nothing, as memory beyond the file's part. A third of Debian's kernel is that.
  ///
  /// The bytes are those of a file that `init` accepted.
  static func trim(_ bytes: inout [UInt8]) {
    guard let table = bytes.value(at: 32, as: UInt64.self),
      let count = bytes.value(at: 56, as: UInt16.self)
    else { return }
    for index in 0..<Int(count) {
      let header = Int(table) + index * programHeaderSize
      guard bytes.value(at: header, as: UInt32.self) == UInt32(PT_LOAD),
        let start = bytes.value(at: header + 8, as: UInt64.self),
        let size = bytes.value(at: header + 32, as: UInt64.self)
      else { continue }
      var end = Int(start + size)
      while end > Int(start), bytes[end - 1] == 0 { end -= 1 }
      for (place, byte) in littleEndian(UInt64(end) - start).enumerated() {
        bytes[header + 32 + place] = byte
      }
    }
  }

  private static func littleEndian(_ value: UInt64) -> [UInt8] {
    var writer = LittleEndianWriter()
    writer.append(value)
    return writer.bytes
  }
}
