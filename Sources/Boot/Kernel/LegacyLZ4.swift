/// The frame in which Linux keeps what it compressed with `lz4 -l`: a magic number, then blocks of at
/// most 8 MiB, each with its compressed size in front (lz4_Frame_format.md, "Legacy frame").
enum LegacyLZ4 {
  static let magic: UInt32 = 0x184c_2102
  static let largestBlock = 8 << 20

  enum Fault: Error, Equatable, CustomStringConvertible {
    case truncated
    case badBlockSize
    case badOffset
    case tooLong
    case tooShort

    var description: String {
      switch self {
      case .truncated: "it is cut off"
      case .badBlockSize: "a block has an impossible size"
      case .badOffset: "it refers to what was before its start"
      case .tooLong: "it is longer than it says"
      case .tooShort: "it is shorter than it says"
      }
    }
  }

  /// The `size` bytes that the frame at the start of `bytes` stands for; the frame ends at `end`.
  static func decompress(
    _ bytes: [UInt8], upTo end: Int, size: Int
  ) throws(Fault) -> [UInt8] {
    guard bytes.value(at: 0, as: UInt32.self) == magic else { throw .truncated }
    var fault: Fault?
    let result = unsafe [UInt8](unsafeUninitializedCapacity: size) { output, count in
      unsafe bytes.withUnsafeBytes { input in
        do throws(Fault) {
          try unsafe blocks(
            UnsafeRawBufferPointer(rebasing: input[4..<max(end, 4)]),
            UnsafeMutableRawBufferPointer(output))
          count = size
        } catch let error { fault = error }
      }
    }
    if let fault { throw fault }
    return result
  }

  private static func blocks(
    _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
  ) throws(Fault) {
    var read = 0
    var written = 0
    while read < input.count {
      guard input.count - read >= 4 else { throw .truncated }
      let size = UInt32(
        littleEndian: unsafe input.loadUnaligned(fromByteOffset: read, as: UInt32.self))
      read += 4
      // A frame may follow a frame.
      if size == magic { continue }
      guard size > 0, size <= input.count - read else {
        throw size > 0 ? .truncated : .badBlockSize
      }
      let block = unsafe UnsafeRawBufferPointer(rebasing: input[read..<read + Int(size)])
      let room = min(output.count - written, largestBlock)
      let target = unsafe UnsafeMutableRawBufferPointer(
        rebasing: output[written..<written + room])
      written += try unsafe LZ4Block.decompress(block, into: target)
      read += Int(size)
    }
    guard written == output.count else { throw .tooShort }
  }
}
