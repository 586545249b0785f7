import Linux
import SeededRandom
import Testing

@testable import Boot

@Suite struct LZ4Tests {
  @Test func whatWasCompressedComesBack() throws {
    var random = SeededRandom("whatWasCompressedComesBack")
    for _ in 0..<100 {
      let blocks = Int.random(in: 1...3, using: &random)
      let runs = Int.random(in: 1...100, using: &random)
      let (frame, contents) = LZ4Sample.frame(blocks: blocks, runs: runs, using: &random)
      let result = try LegacyLZ4.decompress(frame, upTo: frame.count, size: contents.count)
      #expect(result == contents)
    }
  }

  @Test func knownBlock() throws {
    // "abc", then four bytes from three back, then "xy" as the last literals.
    let frame: [UInt8] =
      [0x02, 0x21, 0x4c, 0x18, 9, 0, 0, 0, 0x30, 0x61, 0x62, 0x63, 3, 0, 0x20, 0x78, 0x79]
    let result = try LegacyLZ4.decompress(frame, upTo: frame.count, size: 9)
    #expect(String(decoding: result, as: UTF8.self) == "abcabcaxy")
  }

  private func fault(_ frame: [UInt8], size: Int) -> LegacyLZ4.Fault? {
    do throws(LegacyLZ4.Fault) {
      _ = try LegacyLZ4.decompress(frame, upTo: frame.count, size: size)
    } catch { return error }
    return nil
  }

  private func frame(_ block: [UInt8]) -> [UInt8] {
    [0x02, 0x21, 0x4c, 0x18, UInt8(block.count), 0, 0, 0] + block
  }

  @Test func faults() {
    #expect(fault([], size: 0) == .truncated)
    #expect(fault([0x02, 0x21, 0x4c, 0x18, 1], size: 4) == .truncated)
    #expect(fault([0x02, 0x21, 0x4c, 0x18, 0, 0, 0, 0], size: 4) == .badBlockSize)
    #expect(fault([0x02, 0x21, 0x4c, 0x18, 9, 0, 0, 0, 1], size: 4) == .truncated)
    // Literals that are not there; a length that does not end.
    #expect(fault(frame([0x40, 1]), size: 8) == .truncated)
    #expect(fault(frame([0xf0, 255, 255]), size: 800) == .truncated)
    // Nothing was written yet, an offset of 0, one too far.
    #expect(fault(frame([0x00, 1, 0]), size: 8) == .badOffset)
    #expect(fault(frame([0x10, 1, 0, 0]), size: 8) == .badOffset)
    #expect(fault(frame([0x10, 1, 2, 0]), size: 8) == .badOffset)
    // More, and less, than was announced.
    #expect(fault(frame([0x20, 1, 2]), size: 1) == .tooLong)
    #expect(fault(frame([0x10, 1, 1, 0, 0x10, 1]), size: 4) == .tooLong)
    #expect(fault(frame([0x20, 1, 2]), size: 3) == .tooShort)
    // A block ends with literals.
    #expect(fault(frame([0x10, 1, 1, 0]), size: 8) == .truncated)
  }

  @Test func damageNeverTraps() throws {
    var random = SeededRandom("damageNeverTraps")
    let (whole, contents) = LZ4Sample.frame(blocks: 2, runs: 60, using: &random)
    for round in 0..<3000 {
      var frame = whole
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        frame[Int.random(in: 0..<frame.count, using: &random)] ^=
          1 << UInt8.random(in: 0...7, using: &random)
      }
      if round % 4 == 0 { frame.removeLast(Int.random(in: 0..<frame.count, using: &random)) }
      do throws(LegacyLZ4.Fault) {
        let result = try LegacyLZ4.decompress(frame, upTo: frame.count, size: contents.count)
        #expect(result.count == contents.count)
      } catch { #expect(!error.description.isEmpty) }
    }
  }

  @Test func payloadOfABzImage() throws {
    var random = SeededRandom(seed: 1)
    let elf = Sample.elf()
    var block = LittleEndianWriter()
    block.append([0xf0] + [UInt8](repeating: 255, count: (elf.count - 15) / 255))
    block.append(UInt8((elf.count - 15) % 255))
    block.append(elf)
    var payload = LittleEndianWriter()
    payload.append(LegacyLZ4.magic)
    payload.append(UInt32(block.bytes.count))
    payload.append(block.bytes)
    payload.append(UInt32(elf.count))
    let image = try KernelImage(
      BootFile(bytes: Sample.bzImage(payload: payload.bytes), name: "/boot/sample"))
    let inner = try #require(try image.decompressed())
    #expect(try inner.read(at: 0, count: elf.count) == elf)
    #expect(try KernelImage(inner).isELF)

    // LZ4 that is no ELF is no kernel to boot directly; a payload that is damaged is an error.
    let (other, contents) = LZ4Sample.frame(blocks: 1, runs: 9, using: &random)
    var text = LittleEndianWriter()
    text.append(other)
    text.append(UInt32(contents.count))
    let noELF = try KernelImage(
      BootFile(bytes: Sample.bzImage(payload: text.bytes), name: "/boot/sample"))
    #expect(try noELF.decompressed() == nil)
    payload.set(UInt32(elf.count + 1), at: payload.bytes.count - 4)
    let damaged = try KernelImage(
      BootFile(bytes: Sample.bzImage(payload: payload.bytes), name: "/boot/sample"))
    #expect(
      message { () throws(RuntimeError) in _ = try damaged.decompressed() }
        == "kernel /boot/sample: its compressed kernel is corrupt: it is shorter than it says")
  }

  @Test func zerosAtTheEndOfASegmentAreNotLoaded() throws {
    var elf = Sample.elf()
    for index in 0x2300..<0x2800 { elf[index] = 0 }
    for index in 0x1100..<0x2000 { elf[index] = 0 }
    let whole = elf
    ELFHeader.trim(&elf)
    guard case .elf(let header) = try KernelImage(BootFile(bytes: elf, name: "k")).format else {
      Issue.record("not ELF any more")
      return
    }
    #expect(header.segments.map(\.fileSize) == [0x100, 0x300])
    #expect(header.segments.map(\.memorySize) == [0x1000, 0x2000])
    // Nothing but the two sizes has changed.
    for place in [64 + 32, 64 + 56 + 32] {
      elf.replaceSubrange(place..<place + 8, with: whole[place..<place + 8])
    }
    #expect(elf == whole)
  }
}
