import CLinux
import GuestMemory
import Linux
import Testing

@Suite struct GuestMemoryTests {
  /// Two regions with a gap, as a guest of more than 3 GiB has them; 8 KiB each.
  private func memory() -> GuestMemory {
    func region(_ address: UInt64) -> GuestMemory.Region {
      let base = UnsafeMutableRawPointer.allocate(byteCount: 8192, alignment: 4096)
      base.initializeMemory(as: UInt8.self, repeating: 0, count: 8192)
      return GuestMemory.Region(guestAddress: address, size: 8192, base: base)
    }
    return GuestMemory(regions: [region(0x1000), region(0x10_0000)])
  }

  @Test(
    arguments: [
      (0x1000, 1), (0x1000, 8192), (0x2fff, 1), (0x2fff, 0), (0x10_0000, 8192), (0x10_1fff, 1),
    ] as [(UInt64, UInt64)])
  func inside(address: UInt64, count: UInt64) throws {
    let memory = memory()
    let slice = try #require(memory.slice(at: address, count: count))
    #expect(slice.count == Int(count))
    let region = memory.regions[address < 0x10_0000 ? 0 : 1]
    #expect(slice.baseAddress == region.base + Int(address - region.guestAddress))
  }

  @Test(
    arguments: [
      (0, 1), (0xfff, 1), (0xfff, 2), (0x1000, 8193), (0x2fff, 2), (0x3000, 0), (0x3000, 1),
      (0x2000, 0x10_0000), (0x10_2000, 0), (UInt64.max, 1), (UInt64.max, UInt64.max),
      (0x1000, UInt64.max), (0x1001, UInt64.max - 0x1000), (0x8000_0000_0000_0000, 16),
    ] as [(UInt64, UInt64)])
  func outside(address: UInt64, count: UInt64) {
    #expect(memory().slice(at: address, count: count) == nil)
    if count <= 1 << 20 { #expect(memory().read(at: address, count: Int(count)) == nil) }
  }

  @Test func copies() {
    let memory = memory()
    #expect(memory.write([1, 2, 3], at: 0x2ffd))
    #expect(!memory.write([1, 2, 3], at: 0x2ffe))
    #expect(memory.read(at: 0x2ffc, count: 4) == [0, 1, 2, 3])
    #expect(memory.read(at: 0x2ffd, count: -1) == nil)
    #expect(memory.size == 16384)
  }

  @Test func sizesThatCannotBe() {
    for size in [0, 1, 4096, 3 << 20, (1 << 46) + (2 << 20), UInt64.max] as [UInt64] {
      #expect(throws: SystemError.self) {
        _ = try GuestMemory.allocate(size: size, shared: false)
      }
    }
  }

  @Test func memoryAboveTheGap() throws {
    let memory = try GuestMemory.allocate(size: 5 << 30, shared: false)
    #expect(memory.regions.map(\.guestAddress) == [0, 1 << 32])
    #expect(memory.regions.map(\.size) == [3 << 30, 2 << 30])
    #expect(memory.slice(at: 0xc000_0000, count: 1) == nil)
    #expect(memory.slice(at: 0xbfff_ffff, count: 2) == nil)
    #expect(memory.write([1], at: (6 << 30) - 1) && !memory.write([1], at: 6 << 30))
    for region in memory.regions { _ = cl_munmap(region.base, Int(region.size)) }
  }
}

@Suite struct DiscardingTests {
  @Test(arguments: [false, true])
  func wholePagesBecomeZero(shared: Bool) throws {
    let memory = try GuestMemory.allocate(size: 4 << 20, shared: shared)
    let all = try #require(memory.slice(at: 0, count: 4 << 20))
    all.initializeMemory(as: UInt8.self, repeating: 7)
    // Begins and ends within pages, which stay.
    #expect(memory.discard(at: 0x1800, count: 0x3000))
    #expect(Set(all[0x1800..<0x2000]) == [7] && Set(all[0x4000..<0x4800]) == [7])
    #expect(Set(all[0x2000..<0x4000]) == [0])
    #expect(memory.discard(UnsafeMutableRawBufferPointer(rebasing: all[0x8000..<0x9000])))
    #expect(Set(all[0x8000..<0x9000]) == [0] && all[0x9000] == 7 && all[0x7fff] == 7)
    // Less than a page: nothing happens, and that is right.
    #expect(memory.discard(at: 0xa001, count: 0xffe) && all[0xa001] == 7)
    #expect(memory.discard(at: 0xa000, count: 0))
  }

  @Test func outsideNothingIsDone() throws {
    let memory = try GuestMemory.allocate(size: 2 << 20, shared: false)
    #expect(!memory.discard(at: 2 << 20, count: 4096))
    #expect(!memory.discard(at: (2 << 20) - 4096, count: 8192))
    #expect(!memory.discard(at: UInt64.max - 4095, count: 4096))
    #expect(!memory.discard(at: 0, count: UInt64.max))
    var other = [UInt8](repeating: 7, count: 64 << 10)
    other.withUnsafeMutableBytes { #expect(!memory.discard($0)) }
    #expect(Set(other) == [7])
  }
}
