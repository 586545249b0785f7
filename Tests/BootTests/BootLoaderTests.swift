import CLinux
import GuestMemory
import Linux
import Testing

@testable import Boot

@Suite struct BootLoaderTests {
  private func loader(
    _ kernel: [UInt8], initramfs: [UInt8]? = nil, line: String = "console=ttyS0 quiet",
    memory: UInt64 = 64 << 20
  ) throws -> BootLoader {
    BootLoader(
      kernel: try KernelImage(BootFile(bytes: kernel, name: "/boot/sample")),
      initramfs: initramfs.map { BootFile(bytes: $0, name: "initramfs") }, commandLine: line,
      layout: try Sample.layout(memory: memory))
  }

  private func value<Value: FixedWidthInteger & UnsignedInteger>(
    _ memory: GuestMemory, _ address: UInt64, as type: Value.Type
  ) throws -> Value {
    let bytes = try #require(memory.read(at: address, count: Value.bitWidth / 8))
    return try #require(bytes.value(at: 0, as: Value.self))
  }

  @Test func bzImage() throws {
    let kernel = Sample.bzImage()
    let initramfs = [UInt8](repeating: 0xab, count: 5000)
    let memory = try GuestMemory.allocate(size: 64 << 20, shared: false)
    let state = try loader(kernel, initramfs: initramfs).load(into: memory)
    #expect(state.instructionPointer == 0x100_0200)
    #expect(state.rsi == LowMemory.bootParameters)
    #expect(state.cr0 == 0x8000_0011)
    #expect(state.cr4 == 0x20)
    #expect(state.efer == 0x500)
    #expect(state.code.attributes == 0xa09b)
    #expect(memory.read(at: 0x100_0000, count: 0x410) == Array(kernel[8192...]))

    let page = LowMemory.bootParameters
    let header = memory.read(at: page + UInt64(CL_BOOT_HEADER), count: 0x7b)
    var expected = Array(kernel[CL_BOOT_HEADER..<CL_BOOT_HEADER + 0x7b])
    expected[CL_HDR_LOADER - CL_BOOT_HEADER] = 0xff
    let ramdisk = try value(memory, page + UInt64(CL_HDR_RAMDISK_IMAGE), as: UInt32.self)
    #expect(ramdisk == UInt32(64 << 20) - 8192)
    for (offset, count) in [
      (CL_HDR_RAMDISK_IMAGE, 4), (CL_HDR_RAMDISK_SIZE, 4), (CL_HDR_CMD_LINE_PTR, 4),
    ] {
      let range = offset - CL_BOOT_HEADER..<offset - CL_BOOT_HEADER + count
      expected.replaceSubrange(range, with: try #require(header)[range])
    }
    #expect(header == expected)
    #expect(try value(memory, page + UInt64(CL_HDR_RAMDISK_SIZE), as: UInt32.self) == 5000)
    #expect(memory.read(at: UInt64(ramdisk), count: 5000) == initramfs)
    let line = try value(memory, page + UInt64(CL_HDR_CMD_LINE_PTR), as: UInt32.self)
    #expect(memory.read(at: UInt64(line), count: 20) == Array("console=ttyS0 quiet\0".utf8))
    #expect(try value(memory, page + UInt64(CL_BOOT_ACPI_RSDP), as: UInt64.self) == 0xe0000)
    #expect(memory.read(at: 0xe0000, count: 8) == Array("RSD PTR ".utf8))

    // The tables map 0 and the last page below 4 GiB to themselves.
    for address in [UInt64(0), 0x100_0200, 0xffff_f000] {
      var table = state.cr3
      for shift in [UInt64(39), 30, 21] {
        let entry = try value(memory, table + (address >> shift & 511) * 8, as: UInt64.self)
        #expect(entry & 3 == 3)
        table = entry & 0xf_ffff_ffff_f000
        #expect((entry & 0x80 != 0) == (shift == 21))
      }
      #expect(table == address & ~0x1f_ffff)
    }
  }

  @Test func memoryMap() throws {
    func map(_ memory: UInt64) throws -> [MemoryMap.Entry] {
      MemoryMap(try Sample.layout(memory: memory)).entries
    }
    let small = try map(64 << 20)
    #expect(small.count == 3)
    #expect(small[0] == .init(start: 0, end: 0x9fc00, kind: .usable))
    #expect(small[1] == .init(start: 0xe0000, end: 0x100000, kind: .reserved))
    #expect(small[2] == .init(start: 0x100000, end: 64 << 20, kind: .usable))
    #expect(
      try map(3 << 30) == small.dropLast() + [.init(start: 0x100000, end: 3 << 30, kind: .usable)])
    let large = try map(5 << 30)
    #expect(large[2] == .init(start: 0x100000, end: 3 << 30, kind: .usable))
    #expect(large[3] == .init(start: 4 << 30, end: 6 << 30, kind: .usable))

    let memory = try GuestMemory.allocate(size: 4 << 30, shared: false)
    _ = try loader(Sample.bzImage(), memory: 4 << 30).load(into: memory)
    let page = LowMemory.bootParameters
    #expect(try value(memory, page + UInt64(CL_BOOT_E820_ENTRIES), as: UInt8.self) == 4)
    let last = page + UInt64(CL_BOOT_E820_TABLE) + 3 * 20
    #expect(try value(memory, last, as: UInt64.self) == 4 << 30)
    #expect(try value(memory, last + 8, as: UInt64.self) == 1 << 30)
    #expect(try value(memory, last + 16, as: UInt32.self) == 1)
  }

  @Test func elfByItsNote() throws {
    let kernel = Sample.elf()
    let memory = try GuestMemory.allocate(size: 64 << 20, shared: false)
    let state = try loader(kernel, initramfs: [1, 2, 3]).load(into: memory)
    #expect(state.instructionPointer == UInt64(Sample.directEntry))
    #expect(state.cr0 == 0x11)
    #expect(state.efer == 0)
    #expect(state.code.attributes == 0xc09b)
    #expect(memory.read(at: 0x100_0000, count: 0x1000) == Array(kernel[0x1000..<0x2000]))
    #expect(memory.read(at: 0x110_0000, count: 0x800) == Array(kernel[0x2000..<0x2800]))

    let info = state.rbx
    #expect(try value(memory, info, as: UInt32.self) == 0x336e_c578)
    #expect(try value(memory, info + 4, as: UInt32.self) == 1)
    #expect(try value(memory, info + 12, as: UInt32.self) == 1)
    let module = try value(memory, info + 16, as: UInt64.self)
    let start = try value(memory, module, as: UInt64.self)
    #expect(memory.read(at: start, count: 3) == [1, 2, 3])
    #expect(try value(memory, module + 8, as: UInt64.self) == 3)
    let line = try value(memory, info + 24, as: UInt64.self)
    #expect(memory.read(at: line, count: 7) == Array("console".utf8))
    #expect(try value(memory, info + 32, as: UInt64.self) == 0xe0000)
    let map = try value(memory, info + 40, as: UInt64.self)
    #expect(try value(memory, info + 48, as: UInt32.self) == 3)
    #expect(try value(memory, map + 2 * 24, as: UInt64.self) == 0x100000)
    #expect(try value(memory, map + 2 * 24 + 8, as: UInt64.self) == 63 << 20)
    #expect(try value(memory, map + 2 * 24 + 16, as: UInt32.self) == 1)
  }

  @Test func elfInLongMode() throws {
    let memory = try GuestMemory.allocate(size: 64 << 20, shared: false)
    let bare = try loader(Sample.elf(note: false)).load(into: memory)
    #expect(bare.instructionPointer == Sample.elfEntry)
    #expect(bare.efer == 0x500)
    let page = LowMemory.bootParameters
    #expect(try value(memory, page + UInt64(CL_HDR_MAGIC), as: UInt32.self) == 0x5372_6448)
    #expect(try value(memory, page + UInt64(CL_HDR_RAMDISK_SIZE), as: UInt32.self) == 0)
    let asked = try loader(Sample.elf()).load(into: memory, entry: .longMode)
    #expect(asked == bare)
    #expect(try loader(Sample.elf(linux: true)).load(into: memory) == bare)
  }

  @Test func descriptorsAreThoseOfTheSegments() throws {
    let table = EntryState.longMode(entry: 0, bootParameters: 0).globalDescriptors
    #expect(table.count == 48)
    #expect(table.value(at: 0x10, as: UInt64.self) == 0x00af_9b00_0000_ffff)
    #expect(table.value(at: 0x18, as: UInt64.self) == 0x00cf_9300_0000_ffff)
    #expect(table.value(at: 0x20, as: UInt64.self) == 0x0000_8b00_0000_0067)
    let flat = EntryState.protectedMode(entry: 0, startInfo: 0).globalDescriptors
    #expect(flat.value(at: 0x10, as: UInt64.self) == 0x00cf_9b00_0000_ffff)
  }

  @Test func tooLittleMemory() throws {
    let memory = try GuestMemory.allocate(size: 32 << 20, shared: false)
    let large = [UInt8](repeating: 0, count: 12 << 20)
    let loader = try loader(Sample.bzImage(), initramfs: large, memory: 32 << 20)
    let text = message { () throws(RuntimeError) in _ = try loader.load(into: memory) }
    #expect(text.contains("32 MiB are too little for the kernel /boot/sample"))
    // The same without memory to load it into.
    #expect(message { () throws(RuntimeError) in try loader.check() } == text)
    #expect(text.contains("24 MiB, and an initramfs of 12 MiB"))
    #expect(text.contains("give it at least 60 MiB"), "\(text)")
  }

  @Test func commandLines() throws {
    let memory = try GuestMemory.allocate(size: 64 << 20, shared: false)
    func fault(_ line: String) throws -> String {
      let loader = try loader(Sample.elf(), line: line)
      return message { () throws(RuntimeError) in _ = try loader.load(into: memory) }
    }
    #expect(try fault(String(repeating: "x", count: 2047)) == "")
    #expect(
      try fault(String(repeating: "x", count: 2048)).contains("2048 bytes are more than the 2047"))
    #expect(try fault("a\nb").contains("control character"))
    #expect(try fault("a\0b").contains("control character"))
  }

  @Test func layoutsThatAreNotPossible() {
    func fault(_ memory: UInt64, _ processors: Int, _ devices: Int) -> String {
      message { () throws(RuntimeError) in
        _ = try MachineLayout(memory: memory, processors: processors, devices: devices)
      }
    }
    #expect(fault(64 << 20, 32, 19) == "")
    #expect(fault((64 << 20) + 4096, 1, 1).contains("memory of the virtual machine"))
    #expect(fault(2 << 20, 1, 1).contains("memory of the virtual machine"))
    #expect(fault(64 << 20, 0, 1).contains("processors"))
    #expect(fault(64 << 20, 33, 1).contains("processors"))
    #expect(fault(64 << 20, 1, 20).contains("devices"))
  }
}
