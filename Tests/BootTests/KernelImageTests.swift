import CLinux
import GuestMemory
import Linux
import SeededRandom
import Testing

@testable import Boot

@Suite struct KernelImageTests {
  private func image(_ bytes: [UInt8]) throws(RuntimeError) -> KernelImage {
    try KernelImage(BootFile(bytes: bytes, name: "/boot/sample"))
  }

  @Test func bzImageIsRead() throws {
    let image = try image(Sample.bzImage())
    guard case .bzImage(let header) = image.format else {
      Issue.record("not a bzImage")
      return
    }
    #expect(header.codeOffset == 8192)
    #expect(header.codeSize == 0x410)
    #expect(header.preferredAddress == 0x100_0000)
    #expect(header.initialSize == 0x80_0000)
    #expect(header.payload == 8192 + 0x400..<8192 + 0x409)
    #expect(header.bytes.count == 0x202 + 0x6a - 0x1f1)
    #expect(image.version == "6.1.0-sample")
    #expect(!image.isELF)
    #expect(try image.decompressed() == nil)
  }

  @Test func elfIsRead() throws {
    guard case .elf(let header) = try image(Sample.elf()).format else {
      Issue.record("not ELF")
      return
    }
    #expect(header.segments.map(\.address) == [0x100_0000, 0x110_0000])
    #expect(header.segments.map(\.memorySize) == [0x1000, 0x2000])
    #expect(header.end == 0x110_2000)
    #expect(header.entry == Sample.elfEntry)
    #expect(header.directEntry == UInt64(Sample.directEntry))
    #expect(!header.isLinux)
    guard case .elf(let linux) = try image(Sample.elf(linux: true)).format else { return }
    #expect(linux.directEntry == header.directEntry)
    #expect(linux.isLinux)
    guard case .elf(let bare) = try image(Sample.elf(note: false)).format else { return }
    #expect(bare.directEntry == nil)
  }

  /// One field of a good file made bad, and what the error then says.
  struct Damage: Sendable, CustomTestStringConvertible {
    let offset: Int
    let bytes: [UInt8]
    let says: String
    var testDescription: String { says }
  }

  @Test(arguments: [
    Damage(offset: CL_HDR_BOOT_FLAG, bytes: [0], says: "neither a bzImage nor ELF"),
    Damage(offset: CL_HDR_MAGIC, bytes: [0], says: "neither a bzImage nor ELF"),
    Damage(offset: CL_HDR_VERSION, bytes: [0x0a], says: "boot protocol 2.10 is too old"),
    Damage(offset: CL_HDR_LOADFLAGS, bytes: [0], says: "zImage"),
    Damage(offset: CL_HDR_XLOADFLAGS, bytes: [0], says: "no 64-bit entry"),
    Damage(offset: CL_HDR_SYSSIZE, bytes: [0xff, 0xff, 0xff, 0xff], says: "cut off: its header"),
    Damage(offset: CL_HDR_SYSSIZE, bytes: [0, 0, 0, 0], says: "cut off: its header"),
    Damage(offset: CL_HDR_SETUP_SECTS, bytes: [0xff], says: "cut off: its header"),
    Damage(offset: CL_HDR_PREF_ADDRESS + 7, bytes: [0x80], says: "which is not possible"),
    Damage(offset: CL_HDR_PREF_ADDRESS, bytes: [1], says: "which is not possible"),
    Damage(offset: CL_HDR_KERNEL_ALIGNMENT, bytes: [0, 0, 0, 0], says: "which is not possible"),
    Damage(offset: CL_HDR_INIT_SIZE, bytes: [0, 0, 0, 0], says: "needs 0 bytes by its header"),
    Damage(offset: CL_HDR_INIT_SIZE, bytes: [0, 0, 0, 0xff], says: "bytes by its header"),
    Damage(offset: CL_HDR_PAYLOAD_OFFSET, bytes: [0xff, 0xff], says: "outside of the file"),
    Damage(offset: CL_HDR_PAYLOAD_LENGTH, bytes: [0xff, 0xff], says: "outside of the file"),
    Damage(offset: CL_HDR_JUMP + 1, bytes: [0x10], says: "its header ends at"),
  ]) func damagedBzImage(_ damage: Damage) {
    var bytes = Sample.bzImage()
    for (index, byte) in damage.bytes.enumerated() { bytes[damage.offset + index] = byte }
    let text = message { () throws(RuntimeError) in _ = try image(bytes) }
    #expect(text.contains("/boot/sample"))
    #expect(text.contains(damage.says), "\(text)")
  }

  @Test(arguments: [
    Damage(offset: 4, bytes: [1], says: "not for x86-64"),
    Damage(offset: 5, bytes: [2], says: "not for x86-64"),
    Damage(offset: 18, bytes: [0xb7], says: "not for x86-64"),
    Damage(offset: 16, bytes: [3], says: "not an executable with fixed addresses"),
    Damage(offset: 56, bytes: [0], says: "has 0 program headers"),
    Damage(offset: 56, bytes: [0xff, 0xff], says: "has 65535 program headers"),
    Damage(offset: 54, bytes: [0], says: "program headers of 0 bytes"),
    Damage(offset: 39, bytes: [0xff], says: "its program headers lie outside"),
    Damage(offset: 64, bytes: [6], says: "outside of its segments"),
    Damage(offset: 64 + 15, bytes: [0xff], says: "its segment 0 lies outside"),
    Damage(offset: 64 + 39, bytes: [0xff], says: "its segment 0 lies outside"),
    Damage(offset: 64 + 24, bytes: [0, 0, 0, 0], says: "which is not possible"),
    Damage(offset: 64 + 31, bytes: [0xff], says: "which is not possible"),
    Damage(offset: 64 + 47, bytes: [0xff], says: "which is not possible"),
    Damage(offset: 64 + 40, bytes: [0, 0x08], says: "which is not possible"),
    Damage(offset: 64 + 42, bytes: [0x20], says: "overlap"),
    Damage(offset: 64 + 56 * 2 + 34, bytes: [0x20], says: "outside of the file"),
    Damage(offset: 0x2800 + 28 + 19, bytes: [0x7f], says: "outside of its segments"),
  ]) func damagedELF(_ damage: Damage) {
    var bytes = Sample.elf()
    for (index, byte) in damage.bytes.enumerated() { bytes[damage.offset + index] = byte }
    let text = message { () throws(RuntimeError) in _ = try image(bytes) }
    #expect(text.contains("/boot/sample"))
    #expect(text.contains(damage.says), "\(text)")
  }

  @Test(arguments: [
    [], [0x7f], Array("#!/bin/sh\nexit 0\n".utf8), [UInt8](repeating: 0, count: 9000),
  ])
  func otherFiles(_ bytes: [UInt8]) {
    let text = message { () throws(RuntimeError) in _ = try image(bytes) }
    #expect(text.contains("/boot/sample"))
    #expect(text.contains("bzImage"))
  }

  @Test func whatIsNoFile() throws {
    let null = try FileDescriptor.open("/dev/null", O_RDONLY)
    let text = message { () throws(RuntimeError) in
      _ = try BootFile(fd: null.rawValue, name: "/dev/null")
    }
    #expect(text == "/dev/null is not a regular file")
  }

  @Test func everyTruncationIsAnError() throws {
    for whole in [Sample.bzImage(), Sample.elf()] {
      // Behind its last field nothing of the ELF sample is missed.
      let end = whole.starts(with: ELFHeader.magic) ? 0x2800 + 48 : whole.count
      for count in stride(from: 0, to: end, by: 13) {
        let text = message { () throws(RuntimeError) in _ = try image(Array(whole[..<count])) }
        #expect(text.contains("/boot/sample"), "\(count)")
      }
    }
  }

  /// Any damage ends in an error or in a kernel that is loaded within bounds, never in a trap.
  @Test func flippedBitsNeverTrap() throws {
    var random = SeededRandom("flippedBitsNeverTrap")
    let memory = try GuestMemory.allocate(size: 32 << 20, shared: false)
    let layout = try Sample.layout(memory: 32 << 20)
    let (frame, contents) = LZ4Sample.frame(blocks: 2, runs: 20, using: &random)
    var size = LittleEndianWriter()
    size.append(UInt32(contents.count))
    var loaded = 0
    for whole in [
      Sample.bzImage(payload: frame + size.bytes), Sample.elf(), Sample.elf(note: false),
    ] {
      for round in 0..<1500 {
        var bytes = whole
        // The fields stand at the start; the rest is hit now and then.
        let reach = round % 4 == 0 ? bytes.count : min(bytes.count, 0x300)
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          bytes[Int.random(in: 0..<reach, using: &random)] ^=
            1 << UInt8.random(in: 0...7, using: &random)
        }
        if round % 5 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
        do throws(RuntimeError) {
          let kernel = try image(bytes)
          let loader = BootLoader(
            kernel: kernel, initramfs: BootFile(bytes: [1, 2, 3], name: "i"), commandLine: "quiet",
            layout: layout)
          _ = try loader.load(into: memory)
          _ = try kernel.decompressed()
          loaded += 1
        } catch { #expect(!error.message.isEmpty) }
      }
    }
    #expect(loaded > 0)
  }
}
