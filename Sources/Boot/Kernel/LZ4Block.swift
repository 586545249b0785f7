/// One block of LZ4 (lz4_Block_format.md): runs of literals, each followed by a copy of what was
/// written before.
enum LZ4Block {
  typealias Fault = LegacyLZ4.Fault

  /// Copies of this many bytes at once are made where both sides have room for them.
  private static let stride = 16

  /// Decompresses all of `input`; the bytes written.
  static func decompress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(Fault) -> Int {
    guard let source = input.baseAddress, let target = output.baseAddress else { return 0 }
    let inputSize = input.count
    let outputSize = output.count
    var read = 0
    var written = 0
    while read < inputSize {
      let token = unsafe source.load(fromByteOffset: read, as: UInt8.self)
      read &+= 1
      var literals = Int(token >> 4)
      if literals == 15 { literals = try unsafe extended(literals, source, inputSize, &read) }
      guard literals <= inputSize &- read else { throw .truncated }
      guard literals <= outputSize &- written else { throw .tooLong }
      if literals <= stride, inputSize &- read >= stride, outputSize &- written >= stride {
        unsafe copyStride(target + written, source + read)
      } else {
        unsafe (target + written).copyMemory(from: source + read, byteCount: literals)
      }
      read &+= literals
      written &+= literals
      // The last run has no copy after it.
      if read == inputSize { return written }

      guard inputSize &- read >= 2 else { throw .truncated }
      let offset = Int(
        UInt16(littleEndian: unsafe source.loadUnaligned(fromByteOffset: read, as: UInt16.self)))
      read &+= 2
      guard offset > 0, offset <= written else { throw .badOffset }
      var length = Int(token & 15)
      if length == 15 { length = try unsafe extended(length, source, inputSize, &read) }
      length &+= 4
      guard length <= outputSize &- written else { throw .tooLong }
      unsafe copyBack(target, written, offset, length, outputSize)
      written &+= length
    }
    // A block ends with literals.
    throw .truncated
  }

  /// A length that goes on in further bytes, as long as they are 255.
  private static func extended(
    _ start: Int, _ source: UnsafeRawPointer, _ size: Int, _ read: inout Int
  ) throws(Fault) -> Int {
    var length = start
    while true {
      guard read < size else { throw .truncated }
      let more = unsafe source.load(fromByteOffset: read, as: UInt8.self)
      read &+= 1
      length &+= Int(more)
      if more != 255 { return length }
    }
  }

  @inline(__always)
  private static func copyStride(_ to: UnsafeMutableRawPointer, _ from: UnsafeRawPointer) {
    let bytes = unsafe from.loadUnaligned(as: SIMD16<UInt8>.self)
    unsafe to.storeBytes(of: bytes, as: SIMD16<UInt8>.self)
  }

  /// Repeats `length` bytes from `offset` before the end of what is written; they may overlap it.
  @inline(__always)
  private static func copyBack(
    _ target: UnsafeMutableRawPointer, _ written: Int, _ offset: Int, _ length: Int, _ size: Int
  ) {
    let to = unsafe target + written
    let from = unsafe UnsafeRawPointer(to - offset)
    if offset >= stride, size &- written >= length &+ stride {
      var done = 0
      while done < length {
        unsafe copyStride(to + done, from + done)
        done &+= stride
      }
    } else if offset >= length {
      unsafe to.copyMemory(from: from, byteCount: length)
    } else {
      // A pattern shorter than the copy repeats itself: byte by byte is its definition.
      for index in 0..<length {
        unsafe to.storeBytes(
          of: from.load(fromByteOffset: index, as: UInt8.self), toByteOffset: index, as: UInt8.self)
      }
    }
  }
}
